"""Suggests the most likely cause, and a remedy, if a run kept no image or nearly none."""

from __future__ import annotations

from imagefetch import errors
from imagefetch.stats.run_stats import Figures
from imagefetch.utils.formatting import lines

NEARLY_ALL = 0.9
"""Share of the lines with the same reason from which a run that kept images gets a warning."""
FEWEST = 10
"""Lines that such a run must have at least."""

NETWORK = "check this machine's network, its DNS and its proxy"
HEADERS = "the servers may require other headers: see USER_AGENT and DEFAULT_REQUEST_HEADERS"
NOT_IMAGES = "the list may contain web pages, or images that are gone: open one in a browser"
LIST = "the list may not have one URL per line, or its URLs may be incomplete"
FILTER = "a filter setting rejects them"

HINTS: dict[type[errors.Problem], str] = {
    errors.BlockedAddress: "the hosts' addresses are not public: -s ALLOWED_NETWORKS=… allows"
    " your own networks",
    errors.HostNotFound: NETWORK,
    errors.DNSFailure: NETWORK,
    errors.HostUnavailable: NETWORK,
    errors.HostUnreachable: NETWORK,
    errors.ConnectTimeout: NETWORK,
    errors.ConnectionRefused: NETWORK,
    errors.ProxyFailure: "check the environment variables http_proxy and https_proxy",
    errors.CertificateUntrusted: "this machine may lack the certificate of the authority, or a"
    " proxy may intercept TLS",
    errors.CertificateExpired: "check this machine's clock",
    errors.Unauthorized: HEADERS,
    errors.ClientError: HEADERS,
    errors.ConnectionReset: HEADERS,
    errors.NotAnImage: NOT_IMAGES,
    errors.NotFound: NOT_IMAGES,
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
    """Return a warning if no image was kept, or nearly all lines have the same reason."""
    if not figures.done or not figures.reasons:
        return None
    reason, count = figures.reasons.most_common(1)[0]
    one_reason = count >= NEARLY_ALL * figures.done
    if figures.kept and not (one_reason and figures.done >= FEWEST):
        return None
    share = "all" if count == figures.done else f"{count:,}"
    prefix = "" if figures.kept else "No picture was kept: "
    return f"{prefix}{share} of {lines(figures.done)}: {reason}. {_advice(reason)}"


def _advice(reason: str) -> str:
    problem = {cls.reason: cls for cls in errors.problems()}.get(reason)
    if problem is None:
        return "See the column Reason of the report."
    hint = HINTS.get(problem) or problem.advice.replace("`", "")
    retry = (
        ""
        if problem in {errors.InvalidURL, errors.UnsupportedScheme}
        else f"; then -a only={reason} fetches them again"
    )
    return f"Most likely: {hint}{retry}."
