/*
 * A small Jenkins for tests: executes a declarative Jenkinsfile and the shared library's step `gate()`.
 *
 * Arguments: the Jenkinsfile, the folder `vars`, and a file to which each step that publishes writes a line.
 * The current folder is the workspace; the environment is the build's. It knows the steps that this project uses and
 * no others: an unknown one ends the build, as it does in Jenkins without the plugin. What it cannot know is
 * Jenkins itself: its sandbox, its way of continuing a build after a restart, its plugins.
 */
import org.codehaus.groovy.control.CompilerConfiguration
import groovy.json.JsonOutput

@interface Library { String value() }

class Aborted extends RuntimeException { Aborted(String message) { super(message) } }

class Env {
    final Map values = [:] + System.getenv()
    Object propertyMissing(String name) { values[name] }
}

class World {
    static final Env ENV = new Env()
    static File journal, vars
    static boolean failed, wanted

    static void note(String step, Map what) {
        journal << JsonOutput.toJson([step: step] + what) + '\n'
    }
}

class Conditions {
    JenkinsScript script
    List<Boolean> found = []
    void changeRequest() { found << script.changeRequest() }
    void branch(String name) { found << script.branch(name) }
    void expression(Closure body) { found << script.expression(body) }
}

class Outcomes {
    void always(Closure body) { body() }
    void success(Closure body) { if (!World.failed) { body() } }
    void failure(Closure body) { if (World.failed) { body() } }
}

abstract class JenkinsScript extends Script {
    // The words of a declarative pipeline.
    Env getEnv() { World.ENV }
    String getAny() { 'any' }
    String getNone() { 'none' }
    void pipeline(Closure body) { body() }
    void agent(String where) { assert where in ['any', 'none'] }
    void agent(Closure body) { body() }
    void label(String name) { assert name }
    void skipDefaultCheckout() { }
    void options(Closure body) { body() }
    void disableConcurrentBuilds() { }
    void timeout(Map limit) { assert limit.time > 0 && limit.unit in ['MINUTES', 'HOURS'] }
    void stages(Closure body) { body() }
    void stage(String name, Closure body) {
        if (World.failed) {
            return
        }
        World.wanted = true
        println "[Pipeline] { (${name})"
        try {
            body()
        } catch (Aborted stop) {
            println "ERROR: ${stop.message}"
            World.failed = true
        }
    }
    void steps(Closure body) {
        if (World.wanted) {
            body()
        }
    }
    void when(Closure body) { World.wanted = body() }
    boolean anyOf(Closure body) {
        Conditions conditions = new Conditions(script: this)
        body.delegate = conditions
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
        conditions.found.any()
    }
    boolean changeRequest() { env.CHANGE_ID as boolean }
    boolean branch(String name) { env.BRANCH_NAME == name }
    boolean expression(Closure body) { body() as boolean }
    void post(Closure body) {
        body.delegate = new Outcomes()
        body.resolveStrategy = Closure.DELEGATE_FIRST
        body()
    }

    // Steps.
    Object sh(String script) { sh(script: script) }
    Object sh(Map call) {
        assert !(call.keySet() - ['script', 'label', 'returnStatus', 'returnStdout'])
        List command = ['sh', '-xe', '-c', call.script]
        Process process = new ProcessBuilder(command as String[]).redirectErrorStream(!call.returnStdout).with {
            environment().clear()
            environment().putAll(World.ENV.values.collectEntries { [it.key, it.value as String] })
            start()
        }
        process.outputStream.close()
        String said = process.inputStream.text
        int code = process.waitFor()
        if (call.returnStdout) {
            return said
        }
        print said
        if (call.returnStatus) {
            return code
        }
        if (code) {
            throw new Aborted("script returned exit code ${code}")
        }
        null
    }
    void withEnv(List<String> more, Closure body) {
        Map before = [:] + World.ENV.values
        more.each {
            List parts = (it as String).split('=', 2) as List
            World.ENV.values[parts[0]] = parts[1]
        }
        try {
            body()
        } finally {
            World.ENV.values.clear()
            World.ENV.values.putAll(before)
        }
    }
    Map gitUsernamePassword(Map call) { [GIT_ASKPASS: "/for/${call.credentialsId}"] }
    void withCredentials(List<Map> bindings, Closure body) {
        bindings.each { World.note('withCredentials', it) }
        withEnv(bindings*.collect { "${it.key}=${it.value}" }.flatten(), body)
    }
    boolean fileExists(String path) { new File(path).exists() }
    void error(String message) { throw new Aborted(message) }
    void echo(String message) { println message }
    void junit(Map call) { tell('junit', call, call.testResults) }
    Map sarif(Map call) { call }
    void recordIssues(Map call) { call.tools.each { tell('recordIssues', it, it.pattern) } }
    void publishHTML(Map call) { tell('publishHTML', call, "${call.reportDir}/${call.reportFiles}") }
    void archiveArtifacts(Map call) { tell('archiveArtifacts', call, call.artifacts) }
    void tell(String step, Map call, String files) {
        // A pattern is left to Jenkins; what has none must be there.
        files.split(',').findAll { !it.contains('*') }.each { assert new File(it).file: "${step}: there is no ${it}" }
        World.note(step, call)
    }

    // The shared library: a file in `vars` is a step of its name.
    Object methodMissing(String name, Object given) {
        File file = new File(World.vars, "${name}.groovy")
        if (!file.file) {
            throw new Aborted("No such DSL method '${name}' found among steps")
        }
        shell().parse(file).invokeMethod('call', given)
    }
    static GroovyShell shell() {
        CompilerConfiguration configuration = new CompilerConfiguration(scriptBaseClass: JenkinsScript.name)
        new GroovyShell(JenkinsScript.classLoader, new Binding(), configuration)
    }
}

World.vars = new File(args[1])
World.journal = new File(args[2])
World.journal.text = ''
try {
    JenkinsScript.shell().parse(new File(args[0])).run()
} catch (Aborted stop) {
    println "ERROR: ${stop.message}"
    World.failed = true
}
println "Finished: ${World.failed ? 'FAILURE' : 'SUCCESS'}"
System.exit(World.failed ? 1 : 0)
