//! Tables of the manual that are made from the code.

use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- reasons: made from the code -->\n";
const END: &str = "<!-- end of reasons -->\n";

/// Compares the table of reasons in the page `page` of `docs` with `rows`: each a code, its usual cause,
/// and what to do. With `SMBGW_BLESS` in the environment the table is written anew.
///
/// # Panics
/// Where the page cannot be read or has no such table, and where the two differ.
pub fn compare_reasons<'a>(
    page: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    let text = fs::read_to_string(&path).expect("the page can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let made = table_of(rows);
    if std::env::var_os("SMBGW_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}"))
            .expect("the page is written");
        return;
    }
    assert!(
        table == made,
        "docs/{page} differs from the code: run this test with SMBGW_BLESS=1"
    );
}

fn table_of<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let mut table = String::from("\n| code | usual cause | what to do |\n| --- | --- | --- |\n");
    for (code, cause, fix) in rows {
        let cell = |text: &str| text.replace('|', "\\|");
        table.push_str(&format!("| `{code}` | {} | {} |\n", cell(cause), cell(fix)));
    }
    table.push('\n');
    table
}
