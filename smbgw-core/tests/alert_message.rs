//! The words of messages.
#![cfg(feature = "alert")]

mod alert;

use std::path::Path;

use smbgw_core::alert::{Event, Facts, Kind, Messages, Notice, Severity};
use smbgw_core::error::Coded;
use smbgw_core::host::LocalHost;

/// A share that will be full in twelve days.
fn notice() -> Notice {
    let notice = alert::notice();
    Notice {
        facts: Facts {
            summary: "9.15G of 10G are used".into(),
            remedy: Some("delete <something>, or raise the quota".into()),
            used: Some(9_824_738_017),
            percent: Some(91.5),
            inodes: Some(1200),
            days_left: Some(12.2),
            days_range: Some((9.0, Some(17.0))),
            growth: Some(75_000_000.0),
            ..notice.facts
        },
        ..notice
    }
}

#[test]
fn a_warning_says_all_that_is_known() {
    let message = Messages::built_in().render(&notice());
    assert!(message.problems.is_empty());
    assert_eq!(
        message.subject,
        "[smbgw gw] warning: Médiathèque: 9.15G of 10G are used"
    );
    assert_eq!(
        message.text,
        "\
warning: Médiathèque: 9.15G of 10G are used

Share:     Médiathèque
Host:      gw
Since:     2027-01-15T08:00:00Z
Used:      9.15G of 10G (91.5 %)
Files:     1200
Growth:    71.53M a day
Estimate:  full in 12 days (9 to 17)

What to do: delete <something>, or raise the quota

-- 
Message 0123456789abcdef0123456789abcdef of smbgw, 2027-01-15T08:01:00Z"
    );
    let rows: Vec<&str> = message
        .html
        .lines()
        .filter(|line| line.contains("<tr>") || line.contains("What to do"))
        .collect();
    assert_eq!(
        rows,
        [
            r#"<tr><th align="left">Share</th><td>Médiathèque</td></tr>"#,
            r#"<tr><th align="left">Host</th><td>gw</td></tr>"#,
            r#"<tr><th align="left">Since</th><td>2027-01-15T08:00:00Z</td></tr>"#,
            r#"<tr><th align="left">Used</th><td>9.15G of 10G (91.5 %)</td></tr>"#,
            r#"<tr><th align="left">Files</th><td>1200</td></tr>"#,
            r#"<tr><th align="left">Growth</th><td>71.53M a day</td></tr>"#,
            r#"<tr><th align="left">Estimate</th><td>full in 12 days (9 to 17)</td></tr>"#,
            "<p><b>What to do:</b> delete &lt;something&gt;, or raise the quota</p>",
        ]
    );
}

#[test]
fn an_alert_that_is_over_asks_for_nothing() {
    let message = Messages::built_in().render(&Notice {
        event: Event::Cleared,
        kind: Kind::Unreadable,
        share: None,
        facts: Facts {
            summary: "the share can be read again".into(),
            remedy: Some("mount it".into()),
            ..Facts::default()
        },
        ..notice()
    });
    assert_eq!(
        message.subject,
        "[smbgw gw] over: the share can be read again"
    );
    assert_eq!(
        message.text,
        "\
over: the share can be read again

Host:      gw
It was so: 2027-01-15T08:00:00Z to 2027-01-15T08:01:00Z

-- 
Message 0123456789abcdef0123456789abcdef of smbgw, 2027-01-15T08:01:00Z"
    );
    assert!(!message.html.contains("mount it"));
}

#[test]
fn the_subject_says_what_happened() {
    let subject = |event, severity| {
        let notice = Notice {
            event,
            severity,
            ..notice()
        };
        let subject = Messages::built_in().render(&notice).subject;
        let start = subject.strip_prefix("[smbgw gw] ").unwrap();
        start.split(':').next().unwrap().to_string()
    };
    assert_eq!(subject(Event::Raised, Severity::Notice), "notice");
    assert_eq!(
        subject(Event::Escalated, Severity::Critical),
        "now critical"
    );
    assert_eq!(subject(Event::Repeated, Severity::Warning), "still warning");
    assert_eq!(subject(Event::Cleared, Severity::Warning), "over");
    assert_eq!(subject(Event::Test, Severity::Notice), "test");
}

#[test]
fn files_have_their_percentage_where_they_are_the_matter() {
    let message = Messages::built_in().render(&Notice {
        kind: Kind::Inodes,
        facts: Facts {
            summary: "9 of 10 files and directories are used".into(),
            used: Some(0),
            percent: Some(90.0),
            inodes: Some(9),
            inode_limit: Some(10),
            ..Facts::default()
        },
        ..notice()
    });
    assert!(
        message.text.contains("\nUsed:      0\n"),
        "{}",
        message.text
    );
    assert!(
        message.text.contains("\nFiles:     9 of 10 (90 %)\n"),
        "{}",
        message.text
    );
}

#[test]
fn whatever_the_text_holds_the_subject_is_one_line_and_the_html_is_whole() {
    let message = Messages::built_in().render(&Notice {
        host: "gw\r\nBcc: everybody@example.org".into(),
        facts: Facts {
            summary: "<b>bold</b>\n& \"quoted\"\u{2028}{{ host }}\0 \u{1b}[31m".into(),
            ..Facts::default()
        },
        ..notice()
    });
    assert_eq!(
        message.subject,
        "[smbgw gw Bcc: everybody@example.org] warning: Médiathèque: <b>bold</b> & \"quoted\" \
         {{ host }} [31m"
    );
    assert!(!message.html.contains("<b>bold"), "{}", message.html);
    assert!(message.html.contains("&lt;b&gt;bold"), "{}", message.html);
    assert!(message.html.ends_with("</html>"));

    let long = Notice {
        facts: Facts {
            summary: "ä".repeat(100_000),
            ..Facts::default()
        },
        ..notice()
    };
    let subject = Messages::built_in().render(&long).subject;
    assert_eq!(subject.chars().count(), 200);
    assert!(subject.ends_with("ä…"));
}

#[test]
fn times_and_numbers_out_of_all_bounds_are_shown() {
    let message = Messages::built_in().render(&Notice {
        at: i64::MIN,
        since: i64::MAX,
        facts: Facts {
            used: Some(u64::MAX),
            percent: Some(f64::NAN),
            days_left: Some(f64::INFINITY),
            days_range: Some((f64::NAN, Some(f64::NEG_INFINITY))),
            growth: Some(-1e300),
            ..Facts::default()
        },
        ..notice()
    });
    assert!(message.problems.is_empty());
    assert!(message.text.contains("full in more than 10 years"));
    assert!(message.text.contains("Since:     9223372036854775807"));
}

/// A directory of templates.
fn templates(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn the_administrators_templates_take_the_place_of_the_built_in_ones() {
    let dir = templates(&[
        (
            "subject.txt",
            "{{ share or \"machine\" }}\n\n{{ estimate }}\n",
        ),
        ("body.html", "<p>{{ remedy }}</p>"),
    ]);
    let (messages, problems) = Messages::load(&LocalHost::new(), dir.path());
    assert_eq!(problems, []);
    let message = messages.render(&notice());
    assert_eq!(message.subject, "Médiathèque full in 12 days (9 to 17)");
    assert_eq!(
        message.html,
        "<p>delete &lt;something&gt;, or raise the quota</p>"
    );
    assert!(message.text.starts_with("warning: Médiathèque: 9.15G"));

    // Nothing at all is a subject like another, but no mail has an empty one.
    let dir = templates(&[("subject.txt", "{% if event == \"test\" %}x{% endif %}")]);
    let (messages, problems) = Messages::load(&LocalHost::new(), dir.path());
    assert_eq!(problems, []);
    let subject = messages.render(&notice()).subject;
    assert_eq!(subject, "warning: Médiathèque: 9.15G of 10G are used");
}

#[test]
fn a_template_that_cannot_be_used_is_told_with_its_line() {
    let cases = [
        ("{{ host }}\n{% if %}\n", 2, "syntax error"),
        ("{{ host }}\n\n{{ hots }}\n", 3, "undefined value"),
        ("{{ host.name }}\n", 1, "undefined value"),
        ("{% include \"other\" %}\n", 1, "unknown statement include"),
        (
            "{% for i in range(9000) %}{% for j in range(9000) %}{{ j }}{% endfor %}{% endfor %}",
            1,
            "engine ran out of fuel",
        ),
    ];
    for (text, line, what) in cases {
        let dir = templates(&[("body.txt", text)]);
        let (messages, problems) = Messages::load(&LocalHost::new(), dir.path());
        let [problem] = &problems[..] else {
            panic!("{text}: {problems:?}");
        };
        assert_eq!(problem.line, Some(line), "{problem}");
        assert!(problem.message.contains(what), "{problem}");
        let path = dir.path().join("body.txt");
        let start = format!(
            "the template `{}` cannot be used: line {line}: ",
            path.display()
        );
        assert!(problem.to_string().starts_with(&start), "{problem}");
        assert_eq!(problem.code(), "alert.template");
        let message = messages.render(&notice());
        assert!(message.text.starts_with("warning: Médiathèque"), "{text}");
    }

    let dir = templates(&[]);
    std::fs::write(dir.path().join("subject.txt"), b"\xff").unwrap();
    std::fs::create_dir(dir.path().join("body.txt")).unwrap();
    let (_, problems) = Messages::load(&LocalHost::new(), dir.path());
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(texts[0].ends_with("it is not UTF-8 text"), "{texts:?}");
    assert!(texts[1].ends_with("it is not a regular file"), "{texts:?}");
    assert_eq!(texts.len(), 2);
}

#[test]
fn a_template_that_fails_for_one_message_only_is_told_with_it() {
    let dir = templates(&[(
        "body.txt",
        "{% if host == \"other\" %}{{ nothing }}{% endif %}x",
    )]);
    let (messages, problems) = Messages::load(&LocalHost::new(), dir.path());
    assert_eq!(problems, []);
    assert_eq!(messages.render(&notice()).text, "x");
    let other = Notice {
        host: "other".into(),
        ..notice()
    };
    let message = messages.render(&other);
    assert!(message.text.contains("Host:      other"));
    assert_eq!(message.problems.len(), 1);
    assert_eq!(message.problems[0].line, Some(1));
}

#[test]
fn without_a_directory_the_built_in_ones_are_used() {
    let (messages, problems) = Messages::load(&LocalHost::new(), Path::new("/nonexistent/dir"));
    assert_eq!(problems, []);
    assert!(messages.render(&notice()).problems.is_empty());
}
