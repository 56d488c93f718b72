/**
 * The step `gate()` for Jenkins, which fails the build if what is checked out may not enter its branch, or, for a
 * branch, if anything that has entered it since the last good build did not go through the gate; and publishes the
 * reports. docs/jenkins.md says how to set it up.
 *
 * Options, all of which may be left out:
 *   credentials  the id of a user name and password, or token, with which git fetches the log of approvals
 *   reviews      where reviews count as well, such as "github:acme/shortener#${env.CHANGE_ID}"
 *   gate         what pip installs: 'merge-gate==0.2.0', or 'merge-gate[github]' where reviews count
 *   python       the Python, 3.11 or newer, that gate itself runs with
 *   arguments    more arguments of `gate check`
 */
void call(Map given = [:]) {
    Map options = [credentials: '', reviews: '', gate: 'merge-gate', python: 'python3', arguments: ''] + given
    List unknown = (options.keySet() - ['credentials', 'reviews', 'gate', 'python', 'arguments']) as List
    if (unknown) {
        error("gate: there is no option ${unknown.join(', ')}")
    }
    int code = 3
    List question = questionOf(options)
    // Outside of the workspace, and with -I: nothing that the change brings along is taken for gate or for Python.
    String home = sh(label: 'A place for gate', returnStdout: true, script: 'mktemp -d').trim()
    try {
        // Names of branches are chosen by whoever opens a request: they reach the shell as variables alone.
        withEnv(question + ["GATE_HOME=${home}"]) {
            sh(label: 'Install gate', script: '''
                rm -rf .gate && mkdir .gate
                "$GATE_PYTHON" -I -m venv "$GATE_HOME"
                "$GATE_HOME/bin/python" -I -m pip install --quiet --disable-pip-version-check "$GATE_PACKAGE"
            ''')
            // Brings the branch and the log of approvals, which no checkout brings, and shows what is recorded.
            String fetch = '"$GATE_HOME/bin/gate" approvals HEAD --into "$GATE_INTO" --fetch'
            if (options.credentials) {
                withCredentials([gitUsernamePassword(credentialsId: options.credentials)]) {
                    sh(label: 'The log of approvals', script: fetch)
                }
            } else {
                sh(label: 'The log of approvals', script: fetch)
            }
            code = sh(label: 'gate', returnStatus: true, script: env.CHANGE_TARGET ? '''
                "$GATE_HOME/bin/gate" check --into "$GATE_INTO" --head HEAD \\
                    ${GATE_REVIEWS:+--reviews "$GATE_REVIEWS"} \\
                    --report junit=.gate/junit.xml --report sarif=.gate/gate.sarif \\
                    --report html=.gate/gate.html --report json=.gate/gate.json $GATE_ARGUMENTS
            ''' : '"$GATE_HOME/bin/gate" audit --into "$GATE_INTO" "${GATE_SINCE:+$GATE_SINCE..}HEAD"')
        }
    } finally {
        publish()
        withEnv(["GATE_HOME=${home}"]) {
            sh(label: 'Tidy up', script: 'rm -rf "$GATE_HOME"')
        }
    }
    if (code != 0) {
        Map meaning = [1: 'blocked', 2: 'a mistake in gate.yaml, CODEOWNERS or the call']
        error("gate: ${meaning[code] ?: 'could not decide'}; the log above says why")
    }
}

/** What is asked: a request into its target; of a branch, what has entered it since it was last built well. */
private List questionOf(Map options) {
    String into = env.CHANGE_TARGET ?: env.BRANCH_NAME ?: (env.GIT_BRANCH ?: '') - ~/^origin\//
    if (!into) {
        error('gate: this build does not say which branch it is of; check it out before `gate()`')
    }
    return [
        "GATE_INTO=${into}", "GATE_SINCE=${env.GIT_PREVIOUS_SUCCESSFUL_COMMIT ?: ''}",
        "GATE_REVIEWS=${options.reviews}", "GATE_PACKAGE=${options.gate}",
        "GATE_PYTHON=${options.python}", "GATE_ARGUMENTS=${options.arguments}",
    ]
}

/** JUnit for everybody, SARIF for the plugin Warnings, the page for people; whatever there is. */
private void publish() {
    if (fileExists('.gate/junit.xml')) {
        junit(testResults: '.gate/junit.xml')
    }
    if (fileExists('.gate/gate.sarif')) {
        recordIssues(tools: [sarif(id: 'gate', name: 'gate', pattern: '.gate/gate.sarif')])
    }
    if (fileExists('.gate/gate.html')) {
        publishHTML([
            reportName: 'gate', reportDir: '.gate', reportFiles: 'gate.html',
            keepAll: true, alwaysLinkToLastBuild: true, allowMissing: false,
        ])
        archiveArtifacts(artifacts: '.gate/gate.html,.gate/gate.json')
    }
}
