"""What `~/.aws/credentials` and `~/.aws/config` say of a profile: obstore looks at the environment and at the metadata
services of machines in the cloud, and not at these files, where most people have their keys.

Keys, region and endpoint are read. A profile that needs a program or a browser (sso, credential_process) is not.
"""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from pacha.base.errors import Usage
from pacha.remotes.options import BadUrl, Options, split_url

#: What is read of such a file; they have a few lines a profile.
FILE_BYTES_MAX = 1 << 20
#: Where one of these is set, it wins, as in AWS's own tools.
_STRONGER = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
_NEEDS_MORE = ("credential_process", "sso_session", "sso_start_url", "role_arn", "login_session")


class BadProfile(Usage):
    """The profile that AWS_PROFILE names cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profile gives; None where it says nothing."""

    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
    endpoint: str | None = None


def read_profile(environment: Mapping[str, str]) -> Profile:
    """The profile of this user: the one that AWS_PROFILE names, or `default`. Errors: `BadProfile`."""
    wanted = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
    name = wanted or "default"
    keys = _section(_path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), name)
    settings = _section(_path(environment, "AWS_CONFIG_FILE", "config"), *_config_names(name))
    if wanted and not keys and not settings:
        raise BadProfile(f"AWS_PROFILE names {name[:80]!r}, and no such profile is in ~/.aws", profile=name)
    both = {**settings, **keys}
    has_stronger = any(environment.get(each) for each in _STRONGER)
    if not has_stronger and "aws_access_key_id" not in both and wanted and any(each in both for each in _NEEDS_MORE):
        raise BadProfile(
            f"the AWS profile {name[:80]!r} gets its keys from a program or a browser",
            hint='put them into the environment: eval "$(aws configure export-credentials --format env)"',
            profile=name,
        )
    has_keys = not has_stronger and "aws_access_key_id" in both and "aws_secret_access_key" in both
    return Profile(
        access_key_id=both["aws_access_key_id"] if has_keys else None,
        secret_access_key=both["aws_secret_access_key"] if has_keys else None,
        session_token=both.get("aws_session_token") if has_keys else None,
        region=both.get("region"),
        endpoint=both.get("endpoint_url"),
    )


def _config_names(name: str) -> tuple[str, ...]:
    return ("default", "profile default") if name == "default" else (f"profile {name}",)


def _path(environment: Mapping[str, str], variable: str, name: str) -> str:
    home = environment.get("HOME") or os.path.expanduser("~")
    return environment.get(variable) or os.path.join(home, ".aws", name)


def _section(path: str, *names: str) -> dict[str, str]:
    """The members of the first section that is there; none of a file that is not. Errors: `BadProfile`."""
    try:
        with open(path, "rb") as file:
            text = file.read(FILE_BYTES_MAX).decode("utf-8")
    except OSError:
        return {}
    except UnicodeDecodeError as error:
        raise BadProfile(f"{path}: not a text", path=path) from error
    parser = configparser.RawConfigParser(strict=False, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # The parser's own message quotes the line, which may hold a key.
        raise BadProfile(f"{path}: not a file of AWS profiles", path=path) from error
    return next((dict(parser[name]) for name in names if parser.has_section(name)), {})


def s3_settings(bucket: str, options: Options) -> dict[str, Any]:
    """What obstore is told of a bucket, beside what it finds in the environment. Errors: `BadProfile`, `BadUrl`."""
    environment = options.variables
    profile = read_profile(environment)
    # Servers that are not Amazon's often know only one key a request for deleting.
    settings: dict[str, Any] = {"disable_bulk_delete": True}
    for name in ("access_key_id", "secret_access_key", "session_token"):
        if value := getattr(profile, name):
            settings[name] = value
    region = options.region or (
        "" if environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") else profile.region
    )
    if region:
        settings["region"] = region
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    endpoint = options.endpoint or next(
        (found for each in variables if (found := environment.get(each))), profile.endpoint
    )
    if endpoint:
        settings["endpoint"] = _endpoint(endpoint, bucket, options)
    if options.path_style is not None:
        settings["virtual_hosted_style_request"] = not options.path_style
    return settings


def _endpoint(endpoint: str, bucket: str, options: Options) -> str:
    parts = split_url(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl("an endpoint is an http:// or https:// URL", hint="for instance https://s3.example.org")
    if options.path_style is False:
        parts = SplitResult(parts.scheme, f"{bucket}.{parts.netloc}", parts.path, "", "")
    return parts.geturl().rstrip("/")
