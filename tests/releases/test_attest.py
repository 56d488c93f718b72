"""`gate attest`: an attestation exists only for what the audit verifies, and only the real one is verified."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.company import Clone, Company, Result, copy_company
from support.forging import sign
from support.pushing import change, on_main

from gate.approvals.attestation import NAMESPACE, PREDICATE_TYPE, parse_subject, pre_authentication_encoding

APP = "app=sha256:" + "ab" * 32
OTHER = "app=sha256:" + "cd" * 32


@pytest.fixture(scope="module")
def merged_template(company_template: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company in which a change was approved and merged; `nehemiah` has it, and an attestation of it."""
    company = copy_company(company_template, tmp_path_factory.mktemp("attest") / "template")
    senior = change(company)
    senior.approve("feature")
    assert senior.gate("merge", "feature", "--push").code == 0
    on_main(senior)
    senior.write({".git/info/exclude": "*.json\n"})
    result = senior.gate("attest", "--subject", APP, "--output", "app.json")
    assert result.code == 0, result.text
    return company


@pytest.fixture
def merged(merged_template: Company, tmp_path: Path) -> Clone:
    """The clone of the senior in a copy of that company."""
    company = copy_company(merged_template, tmp_path / "company")
    senior = company.clone("nehemiah")
    senior.git("remote", "set-url", "origin", str(company.path / "server.git"))
    senior.git("config", "user.signingkey", senior.key("nehemiah"))
    return Clone(senior.path, senior.owner, company.keys)


def envelope(clone: Clone) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((clone.path / "app.json").read_text())
    return found


def statement(clone: Clone) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(envelope(clone)["payload"]))
    return found


def verified(clone: Clone, *args: str) -> Result:
    result = clone.gate("attest", "--verify", "app.json", *args)
    assert result.code in {0, 1}, result.text
    assert result.out.startswith("Verified: " if result.code == 0 else "Not verified: ")
    return result


def signed_again(clone: Clone, fields: dict[str, Any], key: str, namespace: str = NAMESPACE) -> None:
    """Sign another statement as an attacker would: with ssh-keygen alone."""
    payload = json.dumps(fields).encode()
    signature = sign(clone, pre_authentication_encoding(payload), key, namespace)
    made = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
    }
    (clone.path / "app.json").write_text(json.dumps(made))


def test_the_statement_follows_the_rules_of_in_toto(merged: Clone) -> None:
    made = statement(merged)
    assert made.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["subject"]
    for subject in made["subject"]:
        assert subject.keys() == {"name", "digest"}
        assert subject["name"]
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in subject["digest"].values())
    assert len({subject["name"] for subject in made["subject"]}) == len(made["subject"])
    assert re.fullmatch(r"urn:[a-z0-9][a-z0-9-]{0,31}:[a-z0-9:.-]+", made["predicateType"])
    assert urlsplit(made["predicateType"]).netloc == ""
    assert isinstance(made["predicate"], dict)


def test_the_statement_names_what_was_verified(merged: Clone) -> None:
    made = statement(merged)
    digest = merged.git("log", "-1", "--format=%(trailers:key=Gate-Change,valueonly)", "main")
    assert made["predicateType"] == PREDICATE_TYPE
    assert made["subject"] == [{"name": "app", "digest": {"sha256": "ab" * 32}}]
    assert made["predicate"] == {
        "repository": "acme/shortener",
        "branch": "refs/heads/main",
        "commit": merged.git("rev-parse", "main"),
        "tree": merged.git("rev-parse", "main^{tree}"),
        "change": digest,
        "policy": merged.git("rev-parse", "main^1"),
        "approvers": ["@nehemiah"],
        "waived": False,
    }


def test_the_signature_is_by_dsse_and_ssh_keygen_verifies_it(merged: Clone) -> None:
    made = envelope(merged)
    payload = base64.b64decode(made["payload"])
    (signature,) = made["signatures"]
    printed = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{merged.key('nehemiah')}.pub"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert signature["keyid"] == printed.stdout.split()[1]
    public = Path(f"{merged.key('nehemiah')}.pub").read_text()
    merged.write({"../signers": f"me {public}", "../sig": base64.b64decode(signature["sig"])})
    signed = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload
    argv = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-n",
        "gate-attest@v1",
        "-I",
        "me",
        "-f",
        "../signers",
        "-s",
        "../sig",
    ]
    subprocess.run(argv, cwd=merged.path, input=signed, capture_output=True, check=True)


def test_verifying_names_commit_approvers_and_signer(merged: Clone) -> None:
    result = verified(merged, "--subject", APP)
    assert result.code == 0, result.text
    assert merged.git("rev-parse", "--short=12", "main") in result.out
    assert "approved by @nehemiah" in result.out
    assert "signed by @nehemiah" in result.out
    assert verified(merged, "main").code == 0


def test_a_file_is_hashed_and_found_again_under_another_name(merged: Clone) -> None:
    merged.write({"dist/app.whl": b"wheel", "dist/renamed.whl": b"wheel", "dist/other.whl": b"else"})
    result = merged.gate("attest", "--file", "dist/app.whl", "--subject", APP, "--output", "app.json")
    assert result.code == 0, result.text
    digest = sha256(b"wheel").hexdigest()
    assert {"name": "app.whl", "digest": {"sha256": digest}} in statement(merged)["subject"]
    assert verified(merged, "--file", "dist/renamed.whl", "--subject", f"app.whl=sha256:{digest}").code == 0
    result = verified(merged, "--file", "dist/other.whl")
    assert result.code == 1
    assert sha256(b"else").hexdigest() in result.out


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--subject", OTHER], "it is not about app"),
        (["--subject", APP.replace("app", "b")], "it is not about b"),
        (["--subject", APP, "--subject", OTHER], "it is not about app"),
        (["main^1"], "it is about the commit"),
    ],
)
def test_another_artifact_or_commit_is_not_verified(merged: Clone, args: list[str], reason: str) -> None:
    result = verified(merged, *args)
    assert result.code == 1
    assert reason in result.out


def another_payload(clone: Clone) -> None:
    made, fields = envelope(clone), statement(clone)
    fields["subject"][0]["digest"]["sha256"] = "cd" * 32
    made["payload"] = base64.b64encode(json.dumps(fields).encode()).decode()
    (clone.path / "app.json").write_text(json.dumps(made))


def another_payload_type(clone: Clone) -> None:
    (clone.path / "app.json").write_text(json.dumps({**envelope(clone), "payloadType": "text/plain"}))


def without_signatures(clone: Clone) -> None:
    (clone.path / "app.json").write_text(json.dumps({**envelope(clone), "signatures": []}))


def by_a_stranger(clone: Clone) -> None:
    signed_again(clone, statement(clone), "stranger")


def by_the_junior(clone: Clone) -> None:
    signed_again(clone, statement(clone), "newhire")


def for_records(clone: Clone) -> None:
    signed_again(clone, statement(clone), "nehemiah", "gate@v1")


def of_another_repository(clone: Clone) -> None:
    fields = statement(clone)
    fields["predicate"]["repository"] = "acme/other"
    signed_again(clone, fields, "nehemiah")


def of_another_branch(clone: Clone) -> None:
    fields = statement(clone)
    fields["predicate"]["branch"] = "refs/heads/scratch"
    signed_again(clone, fields, "nehemiah")


def of_another_type(clone: Clone) -> None:
    signed_again(clone, {**statement(clone), "predicateType": "https://slsa.dev/provenance/v1"}, "nehemiah")


def without_subjects(clone: Clone) -> None:
    signed_again(clone, {**statement(clone), "subject": []}, "nehemiah")


def no_json(clone: Clone) -> None:
    (clone.path / "app.json").write_bytes(b"\xff{")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (another_payload, "does not match"),
        (another_payload_type, "payloadType"),
        (without_signatures, "signatures"),
        (by_a_stranger, "is not in the policy of main"),
        (by_the_junior, "is a junior"),
        (for_records, "not an SSH signature for gate-attest@v1"),
        (of_another_repository, "it is about refs/heads/main of acme/other"),
        (of_another_branch, "it is about refs/heads/scratch"),
        (of_another_type, "predicateType"),
        (without_subjects, "subject"),
        (no_json, "not JSON"),
    ],
)
def test_a_forged_attestation_is_not_verified(
    merged: Clone, attack: Callable[[Clone], None], reason: str
) -> None:
    attack(merged)
    result = verified(merged)
    assert result.code == 1
    assert reason in result.out


def test_what_an_attacker_signs_properly_is_verified(merged: Clone) -> None:
    """The attacks above fail by what each changes, and not by how they sign."""
    signed_again(merged, statement(merged), "ada")
    assert verified(merged, "--subject", APP).code == 0


def refused(clone: Clone, *args: str) -> Result:
    result = clone.gate("attest", *args, "--subject", APP, "--output", "refused.json")
    assert result.code == 1, result.text
    assert result.err.startswith("Not attested: ")
    assert result.out == ""
    assert not (clone.path / "refused.json").exists()
    return result


def test_a_commit_that_was_never_merged_is_refused(merged: Clone) -> None:
    merged.commit("later", {"a.py": "x = 3\n"}, branch="later")
    assert "main was never at this commit" in refused(merged).err
    assert "main was never at this commit" in refused(merged, "main^2").err


def test_the_commit_that_the_audit_starts_from_is_refused(merged: Clone) -> None:
    assert "nothing verifies it" in refused(merged, "main^1").err


@pytest.mark.slow
def test_a_push_past_the_gate_is_refused_and_so_is_what_is_built_on_it(merged: Clone) -> None:
    pushed = merged.commit("straight in", {"b.py": "y = 2\n"})
    result = refused(merged)
    assert "approvals: needs 1 approval" in result.err
    assert f"`gate approve {pushed[:12]} --into main`" in result.err
    assert merged.gate("attest", "HEAD^", "--subject", APP).code == 0

    merged.commit("more", {"c.py": "c = 1\n"}, branch="more", author="newhire")
    merged.approve("more")
    assert merged.gate("merge", "more", "--push").code == 0
    on_main(merged)
    assert f"{pushed[:12]} before it is not verified" in refused(merged).err


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ([], "no artifact"),
        (["--subject", "app"], "expected NAME=sha256:HEX"),
        (["--subject", "app=md5:" + "ab" * 16], "expected NAME=sha256:HEX"),
        (["--subject", APP, "--subject", OTHER], "two artifacts are named 'app'"),
        (["--file", "missing.whl"], "cannot read missing.whl"),
        (["--subject", APP, "--into", "feature"], "feature is not a protected branch"),
        (["nonsense", "--subject", APP], "nonsense"),
        (["--verify", "missing.json"], "cannot read missing.json"),
        (["--verify", "app.json", "--key", "k"], "--key can't be combined with --verify"),
    ],
)
def test_wrong_usage_is_2_and_says_what_was_expected(merged: Clone, args: list[str], reason: str) -> None:
    merged.git("fetch", "-q", "origin", "feature:feature")
    result = merged.gate("attest", *args)
    assert result.code == 2, result.text
    assert reason in result.err


@pytest.mark.parametrize(
    ("key", "reason"), [("newhire", "is a junior"), ("stranger", "is not listed in the policy")]
)
def test_who_cannot_attest_gets_the_reason(merged: Clone, key: str, reason: str) -> None:
    result = merged.gate("attest", "--subject", APP, "--key", merged.key(key))
    assert result.code == 2
    assert reason in result.err


def test_a_bot_attests_with_its_key(merged: Clone) -> None:
    result = merged.gate("attest", "--subject", APP, "--key", merged.key("ci"), "--output", "app.json")
    assert result.code == 0, result.text
    assert "signed by @ci" in verified(merged).out


@pytest.mark.parametrize(
    ("change_policy", "reason"),
    [
        (
            lambda company: company.policy(keys={"nehemiah": [company.public("other")]}),
            "is not in the policy of main",
        ),
        (
            lambda company: company.policy(
                keys={"nehemiah": [f'valid-before="20200101" {company.public("nehemiah")}']}
            ),
            "is expired",
        ),
        (
            lambda company: company.policy(
                keys={"nehemiah": [f'namespaces="gate@v1" {company.public("nehemiah")}']}
            ),
            "restricted to other namespaces",
        ),
        (
            lambda company: company.policy().replace(
                "    require:\n", '    verdicts: ["@ci"]\n    require:\n'
            ),
            "@ci can",
        ),
    ],
)
def test_the_present_policy_decides_whose_signature_counts(
    merged: Clone, change_policy: Callable[[Company], str], reason: str
) -> None:
    company = Company(merged.path.parent)
    company.set_policy(change_policy(company))
    merged.fetch()
    result = verified(merged)
    assert result.code == 1
    assert reason in result.out


@pytest.mark.parametrize("name", ["app", "registry.example/app:1.2", "a=b", "wheel one.whl"])
def test_a_subject_is_read_as_it_is_written(name: str) -> None:
    found = parse_subject(f"{name}=sha256:{'AB' * 32}")
    assert (found.name, found.sha256) == (name, "ab" * 32)
