//! The tables, and how those of an older version are brought up to date.

use rusqlite::{Connection, Result, Transaction, TransactionBehavior};

/// Marks the file as ours (`PRAGMA application_id`): `smbg`.
const APPLICATION: i64 = 0x736d_6267;

/// What brings a file of version `i` to version `i + 1`. Never changed, only added to.
pub(super) const STEPS: &[&str] = &[VERSION_1];

/// A pass is one call of `record`; its number tells the true order whatever the clock does, and
/// rows of `sample` stand in that order, so that a pass is written to one place of the file. The
/// aggregates of a series stand together, as they are read.
const VERSION_1: &str = "
    CREATE TABLE series (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        share TEXT NOT NULL,
        since INTEGER NOT NULL,
        ended INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX series_live ON series (share) WHERE ended IS NULL;

    CREATE TABLE pass (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX pass_at ON pass (at);

    CREATE TABLE sample (
        pass INTEGER NOT NULL,
        series INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        inodes INTEGER,
        source INTEGER NOT NULL,
        PRIMARY KEY (pass, series)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE allowance (
        series INTEGER NOT NULL,
        pass INTEGER NOT NULL,
        at INTEGER NOT NULL,
        bytes INTEGER,
        inodes INTEGER,
        PRIMARY KEY (series, pass)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE hourly (
        series INTEGER NOT NULL,
        at INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        min INTEGER NOT NULL,
        mean INTEGER NOT NULL,
        rest INTEGER NOT NULL,
        max INTEGER NOT NULL,
        last INTEGER NOT NULL,
        inodes INTEGER,
        pass INTEGER NOT NULL,
        PRIMARY KEY (series, at)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE daily (
        series INTEGER NOT NULL,
        at INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        min INTEGER NOT NULL,
        mean INTEGER NOT NULL,
        rest INTEGER NOT NULL,
        max INTEGER NOT NULL,
        last INTEGER NOT NULL,
        inodes INTEGER,
        pass INTEGER NOT NULL,
        PRIMARY KEY (series, at)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE tier (
        id INTEGER PRIMARY KEY,
        folded INTEGER NOT NULL DEFAULT 0,
        floor INTEGER NOT NULL DEFAULT (-9223372036854775808),
        steady_since INTEGER
    ) STRICT;
    INSERT INTO tier (id) VALUES (0), (1), (2);
";

/// What a file turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is in it yet.
    Empty,
    /// It is ours and of this version.
    Current,
    /// It is ours and older.
    Older(i64),
    /// It is ours and newer.
    Newer(i64),
    /// It is somebody else's.
    NotOurs,
}

/// What the file behind `db` is, to a program that knows `steps`.
pub(super) fn standing(db: &Connection, steps: &[&str]) -> Result<Standing> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let version = number("user_version")?;
    let tables: i64 = db.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables == 0 {
        return Ok(Standing::Empty);
    }
    if number("application_id")? != APPLICATION {
        return Ok(Standing::NotOurs);
    }
    Ok(match i64::try_from(steps.len()) {
        Ok(current) if version == current => Standing::Current,
        Ok(current) if version > current => Standing::Newer(version),
        _ => Standing::Older(version),
    })
}

/// Brings the file up to date, all in one transaction, and says what it was before. One that is
/// newer or not ours is left alone.
pub(super) fn migrate(db: &mut Connection, steps: &[&str]) -> Result<Standing> {
    // Asked without a lock first: most of the time there is nothing to do.
    match standing(db, steps)? {
        Standing::Empty | Standing::Older(_) => {}
        other => return Ok(other),
    }
    // Another process may be doing the same.
    let transaction = Transaction::new(db, TransactionBehavior::Immediate)?;
    let before = standing(&transaction, steps)?;
    let done = match before {
        Standing::Empty => 0,
        Standing::Older(version) => usize::try_from(version).unwrap_or(0),
        other => return Ok(other),
    };
    for step in &steps[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    transaction.commit()?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &[&str] = &[
        VERSION_1,
        "ALTER TABLE series ADD COLUMN note TEXT; UPDATE series SET note = 'from ' || share;",
        "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;",
    ];

    fn version_1() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        assert_eq!(migrate(&mut db, STEPS), Ok(Standing::Empty));
        db.execute("INSERT INTO series (share, since) VALUES ('media', 7)", [])
            .unwrap();
        db
    }

    #[test]
    fn an_older_file_is_brought_up_to_date_with_what_is_in_it() {
        let mut db = version_1();
        assert_eq!(migrate(&mut db, NEXT), Ok(Standing::Older(1)));
        let note: String = db
            .query_one("SELECT note FROM series WHERE since = 7", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(note, "from media");
        db.execute("INSERT INTO extra VALUES (1)", []).unwrap();
        assert_eq!(migrate(&mut db, NEXT), Ok(Standing::Current));
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut db = version_1();
        let broken = &[
            VERSION_1,
            NEXT[1],
            "CREATE TABLE series (id INTEGER) STRICT;",
        ];
        assert!(migrate(&mut db, broken).is_err());
        assert_eq!(standing(&db, STEPS), Ok(Standing::Current));
        assert!(db.prepare("SELECT note FROM series").is_err());
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let mut db = version_1();
        migrate(&mut db, NEXT).unwrap();
        assert_eq!(migrate(&mut db, STEPS), Ok(Standing::Newer(3)));
        assert!(db.prepare("SELECT note FROM series").is_ok());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE places (id INTEGER PRIMARY KEY);")
            .unwrap();
        assert_eq!(migrate(&mut db, STEPS), Ok(Standing::NotOurs));
        db.pragma_update(None, "user_version", 1).unwrap();
        assert_eq!(migrate(&mut db, STEPS), Ok(Standing::NotOurs));
    }
}
