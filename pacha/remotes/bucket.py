"""A remote in an object store: `s3://`, `gs://`, `az://`. The only door to obstore.

Credentials come from where each cloud's own tools look (the environment, the files of `aws` and `gcloud`, the
machine's role), never from a URL or a repository. What the store answers is told in one line: obstore's own messages
are long and quote the server.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import unquote

from pacha.base.errors import PachaError
from pacha.remotes.aws import s3_settings
from pacha.remotes.bucket_failures import CREDENTIALS, bucket_failure
from pacha.remotes.keys import check_key, is_key
from pacha.remotes.options import BadUrl, Options, check_plain, split_url
from pacha.remotes.patience import Patience
from pacha.remotes.remote import BadAnswer, NoSuchKey, RemoteRefused, Source, Stored, Unreachable, pieces_of

SCHEMES = ("s3", "gs", "az")
#: The smallest that S3 takes; with two on their way an upload holds some 15 MiB, and four uploads 60.
PART_BYTES = 5 << 20
PARTS_AT_ONCE = 2
#: obstore sees of an upload only that a part is done. So long may one take, on a line of 1 Mbit/s too.
PART_SECONDS = 180
PART_RETRIES = 4
#: Also for the address that gives a machine's role, where there is none: a laptop does not wait long for it.
CONNECT_SECONDS = 5
#: A read that stalls is noticed early enough to be tried twice more before it is given up.
STALLS = 3
PIECE_BYTES = 1 << 20
_PASSING = frozenset({408, 409, 429, 500, 502, 503, 504})
_Value = TypeVar("_Value")


class BucketRemote:
    """Keys are names below a prefix of a bucket."""

    can_write = True
    can_list = True

    def __init__(self, url: str, stores: "Stores", options: Options) -> None:
        self._url = url
        self._stores = stores
        self._options = options

    @property
    def url(self) -> str:
        """The URL, which has no credentials."""
        return self._url

    def get(self, key: str, *, size_max: int) -> bytes:
        """Reads a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._read(check_key(key), 0, None, size_max)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Reads a part of a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._read(check_key(key), start, length, length) if length else b""

    def _read(self, key: str, start: int, length: int | None, size_max: int) -> bytes:
        """Reads on where a stream broke off; `length` None is all of the value."""
        patience = self._patience()
        pieces: list[bytes] = []
        have = 0
        while length is None or have < length:
            try:
                stream, length = self._open(key, start, have, length, size_max)
                for piece in stream:
                    pieces.append(bytes(piece))
                    have += len(piece)
                    patience.moved()
            except _failures() as error:
                _again(patience, bucket_failure(self.url, key, error))
                continue
            if have > length:
                raise BadAnswer(f"{self.url}: sends more of {key} than was asked for", key=key)
            if have < length:
                patience.again(Unreachable(f"{self.url}: broke {key} off after {have} of {length} bytes"))
        return b"".join(pieces)

    def _open(self, key: str, start: int, have: int, length: int | None, size_max: int) -> tuple[Any, int]:
        """The stream of what is still wanted, and how much is wanted in all. Errors: `BadAnswer`."""
        import obstore

        answer = obstore.get(
            self._stores.quick, key, options=None if length is None else {"range": (start + have, start + length)}
        )
        size = answer.meta["size"]
        if length is None:
            length = size
        if length > size_max:
            raise BadAnswer(f"{self.url}: {key} is larger than the {size_max} bytes that it may have", key=key)
        if tuple(answer.range) != (start + have, start + length):
            raise BadAnswer(f"{self.url}: {key} ends at {size}, before {start + length}", key=key)
        return answer.stream(min_chunk_size=PIECE_BYTES), length

    def size(self, key: str) -> int | None:
        """A value's size."""
        import obstore

        try:
            found: int = self._ask(key, lambda: obstore.head(self._stores.quick, check_key(key))["size"])
        except NoSuchKey:
            return None
        return found

    def create(self, key: str, data: bytes) -> bool:
        """Puts a value if there is none. Where the answer is lost, the second try finds what the first has written."""
        import obstore

        patience = self._patience()
        while True:
            try:
                obstore.put(self._stores.quick, check_key(key), data, mode="create", use_multipart=False)
                return True
            except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError) as error:
                with suppress(NoSuchKey):
                    return self._holds(key, data)
                # Somebody else's write was under way, and is not to be seen.
                patience.again(RemoteRefused(f"{self.url}: {key} can neither be written nor read", key=key))
                del error
            except _failures() as error:
                _again(patience, bucket_failure(self.url, key, error))

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.get(key, size_max=len(data)) == data
        except BadAnswer:
            return False

    def put(self, key: str, source: Source) -> None:
        """Puts a value, a large one in parts, of which a lost one is sent again."""
        import obstore

        try:
            obstore.put(
                self._stores.slow,
                check_key(key),
                pieces_of(source),
                use_multipart=source.size > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        except _failures() as error:
            raise bucket_failure(self.url, key, error) from error

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The values under a first component, by key. What Pacha did not put there is left out."""
        import obstore

        patience = self._patience()
        last = after
        while True:
            try:
                listed = obstore.list(self._stores.quick, prefix=prefix.rstrip("/"), offset=last or None)
                for found in (each for batch in listed for each in batch):
                    patience.moved()
                    key = found["path"]
                    if key > last and key.startswith(prefix) and is_key(key):
                        last = key
                        yield Stored(key=key, size=found["size"], modified=found["last_modified"].timestamp())
                return
            except _failures() as error:
                _again(patience, bucket_failure(self.url, prefix, error))

    def delete(self, key: str) -> None:
        """Removes a value."""
        import obstore

        with suppress(NoSuchKey):
            self._ask(key, lambda: obstore.delete(self._stores.quick, check_key(key)))

    def close(self) -> None:
        """Does nothing: obstore closes its connections by itself."""

    def _patience(self) -> Patience:
        return Patience(stall_seconds=self._options.stall_seconds)

    def _ask(self, key: str, request: Callable[[], _Value]) -> _Value:
        patience = self._patience()
        while True:
            try:
                return request()
            except _failures() as error:
                _again(patience, bucket_failure(self.url, key, error))


class Stores:
    """Two clients for one bucket: `quick` for what is small or read, `slow` for the parts of uploads."""

    def __init__(
        self, make: Callable[..., Any], options: Options, settings: Mapping[str, Any], allow_http: bool
    ) -> None:
        client: dict[str, Any] = {
            "allow_http": allow_http,
            "connect_timeout": f"{_milliseconds(min(CONNECT_SECONDS, options.stall_seconds))}ms",
            "user_agent": "pacha",
        }
        if options.proxy:
            client["proxy_url"] = options.proxy
        stall = f"{_milliseconds(options.stall_seconds / STALLS)}ms"
        part = f"{_milliseconds(PART_SECONDS / 60 * options.stall_seconds)}ms"
        # What is read is tried again above, where it goes on from the byte that it stopped at.
        self.quick = make(
            **settings,
            client_options={**client, "read_timeout": stall, "timeout": "1h"},
            retry_config={"max_retries": 0},
        )
        self.slow = make(
            **settings,
            client_options={**client, "timeout": part},
            retry_config={
                "max_retries": PART_RETRIES,
                "retry_timeout": timedelta(seconds=PART_SECONDS / 60 * options.stall_seconds),
            },
        )


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def open_remote(url: str, options: Options) -> BucketRemote:
    """Opens `s3://bucket/prefix` and its like. Errors: `BadUrl`, `BadProfile`."""
    import obstore.store

    parts = split_url(url)
    bucket, prefix = parts.netloc, unquote(parts.path).strip("/")
    if not bucket or ":" in bucket:
        raise BadUrl(f"{parts.scheme}:// names no bucket", hint=f"write {parts.scheme}://BUCKET/FOLDER")
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise BadUrl("the folder in a bucket has a part that is empty, `.` or `..`", hint="write it without")
    settings: dict[str, Any] = {"prefix": prefix or None}
    if options.anonymous:
        settings["skip_signature"] = True
    if parts.scheme == "s3":
        settings |= s3_settings(bucket, options)
        make: Any = obstore.store.S3Store
    elif parts.scheme == "gs":
        make = obstore.store.GCSStore
    else:
        make = obstore.store.AzureStore
        if options.endpoint:
            settings["endpoint"] = options.endpoint
    allow_http = _allows_http(settings.get("endpoint"), options)
    try:
        stores = Stores(lambda **named: make(bucket, **named), options, settings, allow_http)
    except _failures() as error:
        raise BadUrl(f"{parts.scheme}://{bucket}: {CREDENTIALS[parts.scheme]} are not complete") from error
    return BucketRemote(url.rstrip("/"), stores, options)


def _allows_http(endpoint: str | None, options: Options) -> bool:
    """Errors: `BadUrl` for an endpoint to which secrets would travel in the open."""
    if endpoint is None or not endpoint.startswith("http://"):
        return False
    if not options.anonymous:
        check_plain(split_url(endpoint), options)
    return True


def _failures() -> tuple[type[Exception], ...]:
    """What obstore raises."""
    from obstore.exceptions import BaseError

    return (BaseError, OSError)


def _again(patience: Patience, failed: PachaError) -> None:
    """Waits before another try. Errors: the failure, if it is one that stays."""
    if not (isinstance(failed, Unreachable) or failed.nouns.get("status") in _PASSING):
        raise failed
    patience.again(failed)
