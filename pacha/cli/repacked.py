"""A repack as lines: for `pacha repack` and for `pacha gc --repack`."""

from pacha.cli.app import App
from pacha.cli.render import Styled, count_text, size_text
from pacha.porcelain.repack import RepackReport


def print_repack(app: App, report: RepackReport) -> None:
    """Prints what was stored anew, or what that would cost and bring."""
    for price in report.packs:
        app.output.line(
            Styled("anew    ", "yellow"),
            f"pack {price.pack.short}  {size_text(price.size)}, then about {size_text(price.size_after)}: {price.reason}",
        )
    for kept in report.kept:
        app.output.line(f"kept     pack {kept.pack.short}: {kept.reason}")
    if not report.packs:
        app.output.line(
            f"nothing to store anew: {count_text(report.packs_before, 'pack')} of {size_text(report.size_before)}"
        )
        return
    about, become, was = ("about ", "would become", "would be ") if report.is_dry_run else ("", "became", "")
    app.output.line(
        f"{count_text(report.packs_before, 'pack')} of {size_text(report.size_before)} {become} "
        f"{count_text(report.packs_after, 'pack')} of {about}{size_text(report.size_after)}; "
        f"{size_text(report.read_bytes)} {was}read, {about}{size_text(report.written_bytes)} {was}written"
    )
    if report.base_bytes:
        app.output.hint(f"{size_text(report.base_bytes)} are of bases that nothing needs then; `pacha gc` frees them")
    if report.trashed_bytes:
        app.output.hint(f"{size_text(report.trashed_bytes)} wait in the trash; a gc after the grace deletes them")
