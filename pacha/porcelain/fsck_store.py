"""The part of fsck that reads files: every META document, every byte of every pack, and what does not belong there."""

import stat
from collections.abc import Iterator

from pacha.base.canonical import NotCanonical
from pacha.base.errors import Corrupt, PachaError
from pacha.base.files import NoSuchFile, NotRegular, Root, TooLarge
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.paths import BadPath
from pacha.objects.types import BadObject, Link, type_named, type_names
from pacha.porcelain.problems import Problem, problem
from pacha.repo.layout import CONFIG_FILE, FORMAT_FILE
from pacha.store.chains import BadBase
from pacha.store.codec import BadFrame, UnknownCodec
from pacha.store.data import MULTI_INDEX, DataStore
from pacha.store.meta import ENDING, FETCHED, SHARED, is_hex_id, meta_types, mismatch
from pacha.store.pack import BadPack, HashMismatch, PackFile, check_stored
from pacha.store.packindex import BadIndex, PackIndex, encode_index
from pacha.store.record import BadChecksum, BadHeader, RecordHeader

_TOP_FILES = frozenset({FORMAT_FILE, CONFIG_FILE, ".gitignore", ".gitattributes"})
_TOP_FOLDERS = frozenset({"objects", "refs", "local"})
_CHECK_OF = (
    (BadPath, "badPath"), (NotCanonical, "notCanonical"), (BadObject, "badObject"), (TooLarge, "oversize"),
    (BadHeader, "badHeader"), (BadChecksum, "badChecksum"), (BadFrame, "badFrame"), (BadBase, "badBase"), (UnknownCodec, "badCodec"),
    (BadPack, "badTrailer"), (HashMismatch, "hashMismatch"),
)  # fmt: skip


def check_of(error: PachaError) -> str:
    """The check that an error is a finding of; a cause speaks before what it was wrapped in."""
    if isinstance(error.__cause__, BadPath):
        return "badPath"
    return next((check for kind, check in _CHECK_OF if isinstance(error, kind)), "badObject")


def check_layout(root: Root) -> Iterator[Problem]:
    """What lies directly in `.pacha` and `objects`, and links anywhere below but in `local`."""
    for found in root.entries(""):
        if not (found.name in _TOP_FOLDERS if found.is_folder else found.name in _TOP_FILES):
            yield problem("alienFile", f"{found.name}: not a part of a Pacha store", path=root.full(found.name))
    known = {kind.name for kind in meta_types()} | {"pack"}
    for found in root.entries(SHARED):
        path = root.full(f"{SHARED}/{found.name}")
        if found.is_folder and found.name not in known:
            check = "wrongKind" if found.name in type_names() else "unknownKind"
            yield problem(check, f"{path}: no objects of this type lie here", path=path)
        elif not found.is_folder:
            yield _odd_file(root, f"{SHARED}/{found.name}")
    for name, wanted in ((".gitignore", "notIgnored"), (".gitattributes", "missingGitattributes")):
        yield from _check_rules(root, name, wanted)


def _check_rules(root: Root, name: str, check: str) -> Iterator[Problem]:
    needed = {"/objects/pack/", "/local/", "!*"} if check == "notIgnored" else {"* -text"}
    try:
        text = root.read(name, size_max=1 << 16).decode("utf-8", "replace")
    except (NoSuchFile, Corrupt):
        text = ""
    if not all(any(line.startswith(rule) for line in text.splitlines()) for rule in needed):
        yield problem(check, f"{root.full(name)}: lacks {', '.join(sorted(needed))}", path=root.full(name))


def _odd_file(root: Root, path: str) -> Problem:
    """A file that has no place where it lies: by what it is."""
    state = root.stat(path)
    full = root.full(path)
    if state is not None and stat.S_ISLNK(state.st_mode):
        return problem("symlinkInStore", f"{full}: a symbolic link", path=full)
    if state is not None and not stat.S_ISREG(state.st_mode):
        return problem("notRegular", f"{full}: not a regular file", path=full)
    return problem("alienFile", f"{full}: Pacha did not make this", path=full)


def check_meta(root: Root) -> Iterator[Problem]:
    """Every META document, those fetched included."""
    for place in (SHARED, FETCHED):
        for kind in meta_types():
            folder = f"{place}/{kind.name}"
            for fan in root.entries(folder):
                if not fan.is_folder:
                    yield _odd_file(root, f"{folder}/{fan.name}")
                    continue
                yield from _check_fan(root, folder, fan.name, kind.name)


def _check_fan(root: Root, folder: str, fan: str, type_name: str) -> Iterator[Problem]:
    for found in root.entries(f"{folder}/{fan}"):
        path = f"{folder}/{fan}/{found.name}"
        digits = fan + found.name.removesuffix(ENDING)
        if found.is_folder or not found.name.endswith(ENDING) or not found.is_file:
            yield _odd_file(root, path)
        elif not is_hex_id(digits):
            stem = found.name.removesuffix(ENDING)
            check = "badFanout" if is_hex_id(stem) or is_hex_id(stem.rjust(64, "0")) else "alienFile"
            yield problem(check, f"{root.full(path)}: not where an object's id puts it", path=root.full(path))
        else:
            yield from _check_document(root, path, Link(type_name, ObjectId.parse(digits)))


def _check_document(root: Root, path: str, link: Link) -> Iterator[Problem]:
    full = root.full(path)
    kind = type_named(link.type)
    try:
        data = root.read(path, size_max=kind.size_max)
    except NoSuchFile:
        return
    except (TooLarge, NotRegular) as error:
        yield problem(
            "oversize" if isinstance(error, TooLarge) else "notRegular", error.message, path=full, object=link
        )
        return
    if not data:
        yield problem("emptyObject", f"{full}: {link} is empty", path=full, object=link)
        return
    actual = hash_bytes(data).hex
    if actual != link.id.hex and actual[2:] == link.id.hex[2:]:
        yield problem("badFanout", f"{full}: {link.type}:{actual} belongs into {actual[:2]}", path=full, object=link)
        return
    if actual != link.id.hex:
        fault = mismatch(link, full, data)
        check = "eolDamage" if "line endings" in fault.message else "hashMismatch"
        yield problem(check, fault.message, path=full, object=link)
        return
    yield from _check_value(link, data, full)


def _check_value(link: Link, data: bytes | memoryview, path: str) -> Iterator[Problem]:
    try:
        type_named(link.type).decode(bytes(data))
    except Corrupt as error:
        check = check_of(error)
        if check == "badObject" and "does not say that it is" in error.message:
            check = "wrongKind"
        yield problem(check, f"{path}: {link}: {error.message}", path=path, object=link)


# -- packs -----------------------------------------------------------------------------------------------------------


def check_packs(store: DataStore) -> Iterator[Problem]:
    """Every pack file and index, and what else lies in their folder."""
    seen: dict[ObjectId, int] = {}
    for found in sorted(store.root.entries(store.folder), key=lambda entry: entry.name):
        path = f"{store.folder}/{found.name}"
        stem, _, ending = found.name.partition(".")
        if found.name == ".git" and found.is_folder:
            continue
        if found.is_folder or not found.is_file:
            yield _odd_file(store.root, path)
        elif ending == "pack" and is_hex_id(stem):
            yield from check_pack(store.root, path, ObjectId.parse(stem), seen, store)
        elif found.name == MULTI_INDEX or (ending == "idx" and is_hex_id(stem)):
            yield from _check_index(store, path, stem)
        else:
            yield _odd_file(store.root, path)
    repeated = sum(1 for count in seen.values() if count > 1)
    if repeated:
        yield problem(
            "duplicateObject", f"{repeated} objects lie in more than one pack", path=store.root.full(store.folder)
        )


def check_pack(
    root: Root, path: str, id: ObjectId, seen: dict[ObjectId, int], store: DataStore | None = None
) -> Iterator[Problem]:
    """Every record of one pack: header, stored bytes, frame, id, document. Counts the ids in `seen`.

    `store` is where the bases of records are looked for; without one, of those only the stored bytes are checked.
    """
    full = root.full(path)
    try:
        pack = PackFile(root, path, id)
        for offset, header in pack.scan():
            seen[header.id] = seen.get(header.id, 0) + 1
            yield from _check_record(pack, offset, header, store)
    except NoSuchFile:
        return
    except Corrupt as error:
        yield problem(check_of(error), error.message, path=full)


def _check_record(pack: PackFile, offset: int, header: RecordHeader, store: DataStore | None) -> Iterator[Problem]:
    if header.type not in type_names():
        yield problem("unknownKind", f"{pack.path}: at {offset}: a record of type {header.type!r}", path=pack.path)
        return
    link = Link(header.type, header.id)
    try:
        _, payload = pack.record_at(offset, header.stored_length)
        check_stored(header, payload, pack.path)
        if store is None and header.base is not None:
            return
        plain = (store or DataStore(pack.root)).plain(header, payload, pack.path)
    except (Corrupt, UnknownCodec) as error:
        yield problem(check_of(error), error.message, path=pack.path, object=link)
        return
    if not type_named(header.type).is_leaf:
        if len(plain) > type_named(header.type).size_max:
            yield problem("oversize", f"{pack.path}: {link} has {len(plain)} bytes", path=pack.path, object=link)
            return
        yield from _check_value(link, plain, pack.path)


def _check_index(store: DataStore, path: str, stem: str) -> Iterator[Problem]:
    full = store.root.full(path)
    try:
        index = PackIndex(store.root.read(path, size_max=1 << 31))
        rows = set(index.raw_rows())
        if is_hex_id(stem):
            id = ObjectId.parse(stem)
            pack = PackFile(store.root, f"{store.folder}/{stem}.pack", id)
            if rows != set(PackIndex(encode_index([(id, pack.rows())])).raw_rows()):
                raise BadIndex("other rows than its pack has")
    except NoSuchFile:
        yield problem("idxMismatch", f"{full}: its pack is gone", path=full)
    except BadIndex as error:
        yield problem("idxMismatch", f"{full}: {error.message}", path=full)
    except Corrupt:
        # The pack itself is damaged, and that is a finding of its own.
        return
