"""What the errors of obstore mean, in one line: its own are long, and quote the server and the request."""

import re

from pacha.base.errors import PachaError
from pacha.remotes.remote import AccessDenied, BadAnswer, NoSuchKey, RemoteRefused, Unreachable

#: Where each cloud's own tools look, and obstore too.
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile in ~/.aws (AWS_PROFILE), or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login`, or the machine's role",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or another of its kind, or the machine's role",
}
_STATUS = re.compile(r"status code: (\d{3})", re.ASCII)
_NO_BUCKET = re.compile(
    r"NoSuchBucket|ContainerNotFound|container does not exist|bucket does not exist", re.ASCII | re.IGNORECASE
)
#: Where obstore asks the machine for its role, when it has found nothing else.
_NO_CREDENTIALS = re.compile(
    r"latest/api/token|latest/meta-data|computeMetadata/v1|metadata/identity|oauth2/|169\.254\.|no credentials",
    re.ASCII | re.IGNORECASE,
)
_OTHER_RANGE = re.compile(
    r"non-partial|content.range|requested range|range when|requested \d+\.\.\d+, got", re.ASCII | re.IGNORECASE
)
_TIMED_OUT = re.compile(r"timed out|TimedOut", re.ASCII)


def bucket_failure(url: str, key: str, error: Exception) -> PachaError:
    """The error to raise for one that obstore raised; the original is its cause."""
    text = str(error)
    match = _STATUS.search(text)
    status = int(match.group(1)) if match else None
    if _NO_BUCKET.search(text):
        failed: PachaError = RemoteRefused(
            f"{url}: there is no such bucket", hint="make it first, or look at the name and the region"
        )
    elif _NO_CREDENTIALS.search(text.partition("\n")[0]):
        failed = AccessDenied(f"{url}: no credentials were found", hint=f"set {_credentials(url)}")
    elif isinstance(error, FileNotFoundError):
        failed = NoSuchKey(f"{url}: has no {key}", key=key)
    elif status is not None:
        failed = _refusal(url, key, status)
    elif _OTHER_RANGE.search(text):
        failed = BadAnswer(f"{url}: sends another part of {key} than was asked for", key=key)
    elif "LOCATION" in text:
        failed = _elsewhere(url)
    else:
        failed = Unreachable(f"{url}: {_cause(text)}", hint="check the endpoint and the network, and try again")
    failed.__cause__ = error
    return failed


def _refusal(url: str, key: str, status: int) -> PachaError:
    if status in (401, 403):
        return AccessDenied(
            f"{url}: access denied (HTTP {status})",
            hint=f"credentials come from {_credentials(url)}; they must be allowed to do this here",
            status=status,
        )
    if status == 416:
        return BadAnswer(f"{url}: {key} ends before what was asked for", key=key)
    if 300 <= status < 400:
        return _elsewhere(url)
    return RemoteRefused(f"{url}: refuses {key} (HTTP {status})", status=status)


def _elsewhere(url: str) -> RemoteRefused:
    return RemoteRefused(
        f"{url}: the bucket lies in another region", hint="set AWS_REGION, or the region of this remote"
    )


def _credentials(url: str) -> str:
    return CREDENTIALS[url.partition(":")[0].lower()]


def _cause(text: str) -> str:
    if _TIMED_OUT.search(text):
        return "did not answer in time"
    return "cannot be reached" if "error sending request" in text.lower() else "broke the connection off"
