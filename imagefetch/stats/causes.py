"""Where nothing or nearly nothing was kept: the most likely cause, and what to do about it."""

from __future__ import annotations

from imagefetch import errors
from imagefetch.stats.run_stats import Figures
from imagefetch.utils.formatting import lines

NEARLY_ALL = 0.9
"""Share of the lines from which one reason is told of, and the fewest lines of which it is."""
FEWEST = 10

NETWORK = "look at this machine's network, its name service and its proxy"
HEADERS = "the servers may want other headers: see USER_AGENT and DEFAULT_REQUEST_HEADERS"
PICTURES = "the list may be of web pages, or of pictures that are gone: open one in a browser"
LIST = "the list may not be one URL a line, or its URLs not be complete"
FILTER = "a filter of the settings refuses them"

HINTS: dict[type[errors.Problem], str] = {
    errors.BlockedAddress: "the hosts' addresses are not public: -s ALLOWED_NETWORKS=… allows"
    " networks of your own",
    errors.HostNotFound: NETWORK,
    errors.DNSFailure: NETWORK,
    errors.HostUnavailable: NETWORK,
    errors.HostUnreachable: NETWORK,
    errors.ConnectTimeout: NETWORK,
    errors.ConnectionRefused: NETWORK,
    errors.ProxyFailure: "see http_proxy and https_proxy in this shell's environment",
    errors.CertificateUntrusted: "this machine may lack the authority's certificate, or a proxy"
    " may read along",
    errors.CertificateExpired: "look at this machine's clock",
    errors.Unauthorized: HEADERS,
    errors.ClientError: HEADERS,
    errors.ConnectionReset: HEADERS,
    errors.NotAnImage: PICTURES,
    errors.NotFound: PICTURES,
    errors.InvalidURL: LIST,
    errors.UnsupportedScheme: LIST,
    errors.TooNarrow: FILTER,
    errors.TooLow: FILTER,
    errors.TooManyPixels: FILTER,
    errors.TooElongated: FILTER,
    errors.TooFewBytes: FILTER,
    errors.TypeNotAllowed: FILTER,
}


def likely_cause(figures: Figures) -> str | None:
    """Return a warning if none of the lines was kept, or nearly all have one reason."""
    if not figures.done or not figures.reasons:
        return None
    reason, number = figures.reasons.most_common(1)[0]
    one_reason = number >= NEARLY_ALL * figures.done
    if figures.kept and not (one_reason and figures.done >= FEWEST):
        return None
    share = "all" if number == figures.done else f"{number:,}"
    nothing = "" if figures.kept else "No picture was kept: "
    return f"{nothing}{share} of {lines(figures.done)}: {reason}. {_advice(reason)}"


def _advice(reason: str) -> str:
    problem = {cls.reason: cls for cls in errors.problems()}.get(reason)
    if problem is None:
        return "The report has the reasons."
    hint = HINTS.get(problem) or problem.advice.replace("`", "")
    again = (
        ""
        if problem in {errors.InvalidURL, errors.UnsupportedScheme}
        else (f"; then -a only={reason} fetches them again")
    )
    return f"Most likely: {hint}{again}."
