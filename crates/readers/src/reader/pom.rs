pub(crate) fn read(
    source: &crate::source::Source<'_>,
    _ctx: &crate::context::ReadContext<'_>,
) -> Result<bifocal_core::Inventory, crate::error::ReadError> {
    Err(source.error(0, crate::error::Problem::UnknownKind))
}
