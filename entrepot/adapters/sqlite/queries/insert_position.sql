-- insert_position: note a commit beside its rows; the database's clock says when.
-- Parameters: target, flow, sequence, version, added, removed, metadata.
INSERT INTO _entrepot_positions (target, flow, sequence, version, added, removed, metadata, at)
VALUES (
    :target, :flow, :sequence, :version, :added, :removed, :metadata, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
)
