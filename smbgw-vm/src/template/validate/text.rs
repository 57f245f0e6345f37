//! What was found out about a template, as people read it.

use std::fmt;

use super::{TemplateReport, Verdict};

impl TemplateReport {
    /// A line for each check, with code, cause and remedy of what is wrong, and what all of it means.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for check in &self.checks {
            let code = check.code.as_ref().map(|code| format!(" ({code})"));
            lines.push(format!(
                "{:<8} {}: {}{}",
                check.verdict,
                check.check,
                check.message,
                code.unwrap_or_default()
            ));
            lines.extend(check.cause.iter().map(|cause| format!("         {cause}")));
            let remedy = check.remedy.iter();
            lines.extend(remedy.map(|remedy| format!("         → {remedy}")));
        }
        lines.push(match self.is_usable() {
            true => format!("New machines can start from the template {}.\n", self.name),
            false => format!("The template {} should not be used.\n", self.name),
        });
        lines.join("\n")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::template::TemplateCheck;

    #[test]
    fn every_check_is_a_line_and_what_is_wrong_has_a_remedy() {
        let mut report = TemplateReport {
            name: "one".parse().unwrap(),
            checks: vec![
                TemplateCheck::good("checksum", "it is the same"),
                TemplateCheck::found("age", Verdict::Warning, Code::TemplateOld, "it is old"),
            ],
        };
        let fix = Code::TemplateOld.fix();
        let cause = Code::TemplateOld.cause();
        let expected = format!(
            "good     checksum: it is the same\n\
             warning  age: it is old (vm.template-old)\n         {cause}\n         → {fix}\n\
             New machines can start from the template one.\n"
        );
        assert_eq!(report.text(), expected);
        let bad = TemplateCheck::found("image", Verdict::Bad, Code::TemplateDamaged, "broken");
        report.checks.push(bad);
        assert!(report.text().contains("bad      image: broken (vm."));
        assert!(report.text().ends_with("should not be used.\n"));
    }
}
