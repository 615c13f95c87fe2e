"""The exit codes of all commands, so that cron, CI and pagers can tell their ends apart. The help
of each command says what leads to which."""

CLEAN, REGRESSED, UNUSABLE_INPUT, FAILED, NOT_JUDGED = range(5)
