//! The table of reasons in the documentation is what the code says.
//!
//! `SMBGW_BLESS=1` writes the table anew.

use smbgw_testing::documentation::compare_reasons;
use smbgw_vm::code::Code;

#[test]
fn the_table_of_reasons_is_what_the_code_says() {
    let row = |code: &Code| (code.as_str(), code.cause(), code.fix());
    compare_reasons("virtual-machines.md", Code::ALL.iter().map(row));
}
