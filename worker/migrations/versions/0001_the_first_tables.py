"""The first tables: movies and where they came from, the ledger, and who may do what."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EXTENSIONS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
"""

# unaccent() and array_to_string() are only STABLE, because a dictionary or an output function
# could change; these wrappers promise that ours do not. Everything is named with its schema, for
# a restore runs with an empty search path. pg_c_utf8 (Postgres 17) is the same on every system.
FOLDING = r"""
CREATE FUNCTION mru_fold(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF octet_length(value) = char_length(value) THEN  -- ASCII has no accents to lose
        RETURN lower(value COLLATE pg_catalog.pg_c_utf8);
    END IF;
    RETURN lower(
        public.unaccent('public.unaccent'::regdictionary, normalize(value, NFC))
        COLLATE pg_catalog.pg_c_utf8
    );
END
$$;

CREATE FUNCTION mru_join_names(names text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN array_to_string(names, E'\x1f');
END
$$;

-- What searches look at: a folded text with its commonest signs as capitals, of which folding has
-- left none. To a trigram index a sign is no letter but the end of a word, so that of 'e jo' it
-- would know no more than that a word begins with jo. Rare letters, for that index forgets case.
CREATE FUNCTION mru_search_text(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(replace(replace(replace(replace(replace(replace(replace(
    public.mru_fold(value),
    ' ', 'Q'), '''', 'Z'), '.', 'J'), '-', 'V'), ':', 'K'), ',', 'W'), '!', 'Y'), '&', 'G');

-- The names of a cast with an X between two, so that no match spans them.
CREATE FUNCTION mru_search_names(names text[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(public.mru_search_text(public.mru_join_names(names)), E'\x1f', 'X');

-- A pattern that finds `term` anywhere. It is folded first, for folding can make a '%' of a
-- character that looks like one.
CREATE FUNCTION mru_like(term text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN '%' || regexp_replace(public.mru_search_text(term), '([\\%_])', '\\\1', 'g') || '%';
END
$$;
"""

TABLES = """
CREATE TABLE movies (
    id uuid PRIMARY KEY,
    import_id uuid NOT NULL,
    year smallint NOT NULL,
    title_folded text COLLATE "C" GENERATED ALWAYS AS (mru_search_text(title)) STORED,
    cast_folded text COLLATE "C" GENERATED ALWAYS AS (mru_search_names("cast")) STORED,
    title text COLLATE "C" NOT NULL,
    "cast" text[] NOT NULL DEFAULT '{}',
    genres text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX movies_by_year ON movies (year DESC, id DESC);
CREATE INDEX movies_by_title ON movies ((substr(mru_fold(title), 1, 500)), id);
CREATE INDEX movies_genres ON movies USING gin (genres);
CREATE INDEX movies_title_trigrams ON movies USING gin (title_folded gin_trgm_ops);
CREATE INDEX movies_cast_trigrams ON movies USING gin (cast_folded gin_trgm_ops);
ALTER TABLE movies ALTER COLUMN title_folded SET STATISTICS 1000;
ALTER TABLE movies ALTER COLUMN cast_folded SET STATISTICS 1000;

CREATE TABLE genres (
    name text PRIMARY KEY,
    name_folded text COLLATE "C" GENERATED ALWAYS AS (mru_search_text(name)) STORED
);

CREATE TABLE data_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO data_version DEFAULT VALUES;

CREATE TABLE claims (
    movie_id uuid NOT NULL,
    import_id uuid NOT NULL,
    PRIMARY KEY (movie_id, import_id)
);

CREATE TABLE imports (
    id uuid PRIMARY KEY,
    bucket text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version_id text COLLATE "C" NOT NULL DEFAULT '',
    etag text,
    size bigint,
    sequencer text COLLATE "C" NOT NULL DEFAULT '',
    last_modified timestamptz,
    event_time timestamptz,
    request_id text,
    status text NOT NULL,
    on_error text NOT NULL,
    attempts integer NOT NULL DEFAULT 1,
    read bigint NOT NULL DEFAULT 0,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    stale bigint NOT NULL DEFAULT 0,
    repeated bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    bad_records bigint NOT NULL DEFAULT 0,
    records_so_far bigint NOT NULL DEFAULT 0,
    bytes_so_far bigint NOT NULL DEFAULT 0,
    ignored_fields jsonb NOT NULL DEFAULT '{}',
    error_code text,
    error text,
    timings jsonb NOT NULL DEFAULT '{}',
    retried_by text,
    retry_reason text,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT every_record_is_accounted_for
        CHECK (read = inserted + updated + unchanged + stale + repeated + rejected),
    CONSTRAINT bad_records_are_rejected CHECK (bad_records <= rejected),
    CONSTRAINT status_is_known
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'superseded')),
    CONSTRAINT on_error_is_known CHECK (on_error IN ('fail', 'continue')),
    CONSTRAINT error_code_is_known CHECK (error_code IN (
        'missing_object', 'missing_bucket', 'access_denied', 'empty', 'not_json', 'not_utf8',
        'truncated', 'bad_compression', 'wrong_top_level', 'too_deep', 'record_too_large',
        'object_too_large', 'unpacked_too_large', 'bad_records', 'gave_up'
    )),
    CONSTRAINT failures_say_why CHECK (status <> 'failed' OR error_code IS NOT NULL),
    CONSTRAINT ends_are_timed CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL))
);
CREATE UNIQUE INDEX imports_by_object_version
    ON imports (bucket, key, version_id, etag, last_modified)
    WHERE etag IS NOT NULL AND last_modified IS NOT NULL;
CREATE INDEX imports_failed ON imports (bucket, key) WHERE status = 'failed';
CREATE INDEX imports_by_time ON imports (started_at DESC, id DESC);

CREATE TABLE import_errors (
    import_id uuid NOT NULL,
    position bigint NOT NULL,
    faults jsonb NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (import_id, position)
);

CREATE TABLE import_aliases (
    id uuid PRIMARY KEY,
    import_id uuid NOT NULL
);
"""

# Only the owner of an index may have its pending entries sorted in; this lends that right.
FLUSHING = """
CREATE FUNCTION mru_flush_search_indexes() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT gin_clean_pending_list('public.movies_title_trigrams'::regclass);
    SELECT gin_clean_pending_list('public.movies_cast_trigrams'::regclass);
    SELECT gin_clean_pending_list('public.movies_genres'::regclass);
$$;
REVOKE ALL ON FUNCTION mru_flush_search_indexes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mru_flush_search_indexes() TO mru_worker;
"""

# No role may delete from the ledger; the API may only look.
RIGHTS = """
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mru_api, mru_worker;
GRANT SELECT ON movies, genres, data_version, claims, imports, import_errors, import_aliases
    TO mru_api, mru_worker;
GRANT INSERT, UPDATE, DELETE ON movies, claims, import_errors TO mru_worker;
GRANT INSERT, UPDATE ON imports TO mru_worker;
GRANT INSERT ON genres, import_aliases TO mru_worker;
GRANT UPDATE (version) ON data_version TO mru_worker;
"""


def upgrade() -> None:
    for step in (EXTENSIONS, FOLDING, TABLES, FLUSHING, RIGHTS):
        op.get_bind().exec_driver_sql(step.replace("%", "%%"))
