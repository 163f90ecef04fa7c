"""Our own C++ client, and share groups on the raw wire, against Apache Kafka: the suites that
`./dev test` runs against sluiced, run once more with a real Kafka as their broker."""

import os
import re
import subprocess
import sys

from harness.broker import ROOT

SUITES = {
    "commands": "conformance.cli_golden_test.CliGoldenTest",
    "wrong": "conformance.cli_wrong_test.CliWrongTest",
    "topics": "conformance.cli_test.CliTopicsTest",
    "records": "conformance.cli_test.CliRecordsTest",
    "ranges": "conformance.records_test.RangesTest",
    "search": "conformance.records_test.SearchTest",
    "tail": "conformance.records_test.TailTest",
    "export": "conformance.records_test.ExportTest",
    "backup": "conformance.backup_test.BackupTest",
    "groups": "conformance.cli_test.CliGroupsTest",
    "lag": "conformance.cli_groups_test.CliGroupLagTest",
    "reset": "conformance.cli_groups_test.CliGroupResetTest",
    "admin": "conformance.cli_admin_test.CliAdminTest",
    "manners": "conformance.cli_admin_test.CliMannersTest",
    "check": "conformance.cli_shell_test.CliCheckTest",
    "completion": "conformance.cli_shell_test.CliCompletionTest",
    "top": "conformance.cli_top_test.CliTopTest",
    "letters": "conformance.dlq_test.DlqListAndShowTest",
    "redrive": "conformance.dlq_test.DlqRedriveTest",
    "log": "conformance.log_test.KafkaLogTest",
    "restart": "conformance.cli_test.CliRestartTest",
    "saga": "examples.examples_test.SagaTest",
    "outbox": "examples.examples_test.OutboxTest",
    "fallback": "examples.examples_test.FallbackTest",
    "queue": "examples.examples_test.QueueWorkerTest",
    "queue client": "conformance.queue_client_test.QueueClientTest",
    "C": "examples.examples_test.PythonTest",
    # No client of ours: the answers that sluiced must give, too.
    "share members": "conformance.share_test.ShareMembershipTest",
    "share sessions": "conformance.share_test.ShareSessionTest",
    "share start": "conformance.share_test.ShareStartTest",
    "share acknowledge": "conformance.share_test.ShareAcknowledgeTest",
    "share limits": "conformance.share_test.ShareLimitsTest",
}
SUITE_SECONDS = 400


def run(checks, report):
    """Returns {suite: None or what went wrong}."""
    environment = {**os.environ, "SLUICE_TEST_BROKER": "kafka"}
    results = {}
    for name, suite in SUITES.items():
        if checks and name not in checks:
            continue
        try:
            done = subprocess.run([sys.executable, "-m", "unittest", suite], cwd=ROOT / "tests",
                                  env=environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=SUITE_SECONDS,
                                  check=False)
            results[name] = problem_of(done)
        except subprocess.TimeoutExpired:
            results[name] = f"not done after {SUITE_SECONDS} s"
        report(name, results[name])
    return results


def problem_of(done):
    """None, or the names of the tests that failed and the last words of the first."""
    if done.returncode == 0:
        return None
    print(done.stdout, file=sys.stderr, flush=True)
    failed = re.findall(r"^(?:FAIL|ERROR): (\w+)", done.stdout, re.MULTILINE)
    words = re.findall(r"^\w*(?:Error|Expired)\b.*", done.stdout, re.MULTILINE)
    return f"{', '.join(failed) or 'ended early'}: {words[0][:200] if words else done.returncode}"
