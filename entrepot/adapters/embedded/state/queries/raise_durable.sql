-- raise_durable: raise the mark of a table's durable version, never lower it; a new identity starts it anew.
-- Parameters: name, version, table_id (null: not known here, the known one stays).
INSERT INTO tables (name, durable_version, table_id) VALUES (:name, :version, :table_id)
ON CONFLICT (name) DO UPDATE SET
    durable_version = CASE
        WHEN excluded.table_id <> table_id THEN excluded.durable_version
        ELSE max(durable_version, excluded.durable_version)
    END,
    table_id = coalesce(excluded.table_id, table_id)
