"""Which direction of a metric is better, and how its values are compared.

The suite's records say it themselves. For records that do not, as in ReFrame's default format, the
name of the metric and its unit do, by the rules of `direction`."""

import re

HIGHER, LOWER, EQUAL = "higher", "lower", "equal"
RELATIVE, ABSOLUTE = "relative", "absolute"

#: The loss after a fixed number of seeded steps: the same to the last digit, or something is wrong.
_FINGERPRINT = re.compile(r"^loss_step\d+$")
#: Of a name, whatever else is in it: `megabytes_read_per_second` is no amount of bytes.
_RATES = re.compile(r"per_(s|sec|second|minute|hour|day)(_|$)")
_WORDS = {
    HIGHER: {
        *("throughput", "bandwidth", "bw", "flops", "gflops", "tflops", "iops", "speed", "speedup"),
        *("efficiency", "utilisation", "utilization", "accuracy", "precision", "recall", "f1"),
        *("iou", "auc", "score", "within", "reduction", "hits"),
    },
    LOWER: {
        *("seconds", "second", "time", "latency", "duration", "elapsed", "runtime", "walltime"),
        *("loss", "error", "errors", "rmse", "mae", "deviation", "stall", "overhead"),
        *("bytes", "memory", "joules", "energy", "misses", "failures", "imbalance", "jitter"),
    },
}
#: It is better the nearer it is to 0, on either side of it, unless it is a magnitude.
_SIGNED, _MAGNITUDES = "bias", {"absolute", "abs", "squared"}
_RATE_UNITS = re.compile(
    r".*/ ?(s|sec|second|min|minute|h|hour|day)|.*flops|[kmgt]?bps|iops|fps|[kmgt]?teps",
    re.IGNORECASE,
)
_LOWER_UNITS = re.compile(
    r"((n|u|µ|μ|m)?s|(nano|micro|milli)?sec(ond)?s?|min(ute)?s?|h(our)?s?"
    r"|([kmgt]i?)?b(yte)?s?|[km]?j(oules?)?|k?wh)(/.+)?",
    re.IGNORECASE,
)
_ABSOLUTE_UNITS = {"1", "K"}
_ABSOLUTE_WORDS = {"accuracy", "precision", "recall", "f1", "iou", "auc", "loss", "bias"}


def direction(metric: str, unit: str) -> tuple[str, str]:
    """Which direction of a metric is better, and how it is compared, by its name and unit.

    The first rule that says something holds: `loss_step100` is equal; a name with `per_second`, or
    a unit such as images/s or Gflops, is better higher; a name with a word such as `throughput`,
    `accuracy` or `utilisation` is better higher, with one such as `seconds`, `loss`, `error` or
    `bytes` lower, and the last such word counts (`memory_bandwidth`, `accuracy_loss`); a `bias` may
    be negative, and has no direction unless it is an `absolute` one; a unit of time, of bytes or of
    energy is better lower. Else the direction is empty: nobody knows.

    The comparison is absolute for figures that may be near zero: those in `1` or K, accuracies,
    losses and biases. All others are compared relatively."""
    words = [word for word in re.split(r"[^a-z0-9]+", metric.lower()) if word]
    return _better(metric.lower(), words, unit), _comparison(metric.lower(), words, unit)


def declared(directions: str, metric: str, unit: str) -> tuple[str, str]:
    """As `direction`, but what the record declares holds: `directions` is its text, such as
    "throughput=higher:relative loss_step100=equal", in which the comparison may be left out."""
    better, comparison = direction(metric, unit)
    for word in directions.split():
        name, _, said = word.partition("=")
        if name == metric and said:
            said_better, _, said_comparison = said.partition(":")
            better, comparison = said_better, said_comparison or comparison

    return better, comparison


def _better(name: str, words: list[str], unit: str) -> str:
    if _FINGERPRINT.match(name):
        return EQUAL

    if _RATES.search(name) or _RATE_UNITS.fullmatch(unit):
        return HIGHER

    for word in reversed(words):
        if word == _SIGNED:
            return LOWER if _MAGNITUDES & {*words} else ""

        for better, known in _WORDS.items():
            if word in known:
                return better

    return LOWER if _LOWER_UNITS.fullmatch(unit) else ""


def _comparison(name: str, words: list[str], unit: str) -> str:
    near_zero = unit in _ABSOLUTE_UNITS or not _ABSOLUTE_WORDS.isdisjoint(words)
    return ABSOLUTE if near_zero or _FINGERPRINT.match(name) else RELATIVE
