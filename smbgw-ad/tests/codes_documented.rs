//! The table of reasons in the documentation is what the code says.
//!
//! `SMBGW_BLESS=1` writes the table anew.

use std::fs;
use std::path::Path;

use smbgw_ad::code::Code;

const BEGIN: &str = "<!-- reasons: made from the code -->\n";
const END: &str = "<!-- end of reasons -->\n";

#[test]
fn the_table_of_reasons_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/active-directory.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let made = made();
    if std::env::var_os("SMBGW_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert!(
        table == made,
        "docs/active-directory.md differs from the code: run \
         `SMBGW_BLESS=1 cargo test -p smbgw-ad --test codes_documented`"
    );
}

fn made() -> String {
    let mut table = String::from("\n| code | usual cause | what to do |\n| --- | --- | --- |\n");
    for code in Code::ALL {
        let cell = |text: &str| text.replace('|', "\\|");
        table.push_str(&format!(
            "| `{code}` | {} | {} |\n",
            cell(code.cause()),
            cell(code.fix())
        ));
    }
    table.push('\n');
    table
}
