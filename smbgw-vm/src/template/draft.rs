//! Templates that are asked for in texts, as people and programs give it.

use serde::{Deserialize, Serialize};
use smbgw_core::error::Problem;
use smbgw_core::size::{ByteSize, SizeError};

use super::build::BuildRequest;
use super::distro::{Distro, UnknownDistro};
use super::fetch::{self, FetchRequest};
use super::name::{TemplateName, TemplateNameError};
use super::request::{invalid, of_mirror, of_packages, of_size, of_tags};
use crate::code::Code;

/// A template that is to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BuildDraft {
    /// What it is called.
    pub name: String,
    /// The release, such as `bookworm`, which it is if not given.
    pub distro: Option<String>,
    /// The size of its disk, such as `4G`, which it is if not given.
    pub size: Option<String>,
    /// Packages beside [`DEFAULT_PACKAGES`](super::DEFAULT_PACKAGES).
    pub packages: Vec<String>,
    /// Words by which it is found.
    pub tags: Vec<String>,
    /// The archive; the one that the machine's own apt sources name, if not given.
    pub mirror: Option<String>,
    /// The archive of security updates; the one that the machine's own apt sources name, if not given.
    pub security_mirror: Option<String>,
    /// The time that files are given which are newer, in seconds since 1970-01-01 00:00 UTC; the time of the
    /// build, if not given.
    pub epoch_seconds: Option<i64>,
}

impl BuildDraft {
    /// The request that it means.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<BuildRequest, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = name(&self.name, &mut problems);
        let distro = self.distro.as_deref().map(str::parse::<Distro>);
        let distro = distro.unwrap_or(Ok(Distro::default()));
        let distro = distro.map_err(|error: UnknownDistro| {
            problems.push(invalid("distro", Code::TemplateDistro, error.to_string()));
        });
        let size = self.size.as_deref().map(str::parse::<ByteSize>).transpose();
        let size = size.map_err(|error: SizeError| {
            problems.push(invalid("size", Code::TemplateSize, error.to_string()));
        });
        if let Ok(Some(size)) = size {
            problems.extend(of_size(size));
        }
        problems.extend(of_packages(&self.packages));
        problems.extend(of_tags(&self.tags));
        let security_mirror = self.security_mirror.as_deref();
        problems.extend(of_mirror("mirror", self.mirror.as_deref()));
        problems.extend(of_mirror("security_mirror", security_mirror));
        let (Some(name), Ok(distro), Ok(size), true) = (name, distro, size, problems.is_empty())
        else {
            return Err(problems);
        };
        let usual = BuildRequest::new(name, distro);
        Ok(BuildRequest {
            size: size.unwrap_or(usual.size),
            packages: self.packages.clone(),
            tags: self.tags.clone(),
            mirror: self.mirror.clone(),
            security_mirror: self.security_mirror.clone(),
            epoch_seconds: self.epoch_seconds,
            ..usual
        })
    }
}

/// A template that is to be made of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FetchDraft {
    /// What the template is called.
    pub name: String,
    /// The absolute path of a file, or an address with http or https.
    pub from: String,
    /// `sha256:` or `sha512:` with the checksum in hexadecimal digits. Without it nothing is fetched.
    pub checksum: Option<String>,
    /// Words by which it is found.
    pub tags: Vec<String>,
}

impl FetchDraft {
    /// The request that it means.
    ///
    /// # Errors
    /// Everything that is wrong with it by itself, all at once.
    pub fn check(&self) -> Result<FetchRequest, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = name(&self.name, &mut problems);
        let image = fetch::image(&self.from, self.checksum.as_deref());
        problems.extend(image.err().unwrap_or_default());
        problems.extend(of_tags(&self.tags));
        match name {
            Some(name) if problems.is_empty() => Ok(FetchRequest {
                name,
                tags: self.tags.clone(),
                from: self.from.clone(),
                checksum: self.checksum.clone(),
            }),
            _ => Err(problems),
        }
    }
}

fn name(text: &str, problems: &mut Vec<Problem>) -> Option<TemplateName> {
    let name = text.parse::<TemplateName>();
    name.map_err(|error: TemplateNameError| problems.push(Problem::from_error("name", &error)))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(problems: &[Problem]) -> Vec<&str> {
        assert!(problems.iter().all(|problem| problem.remedy.is_some()));
        problems.iter().map(|one| one.field.as_str()).collect()
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let mut draft = BuildDraft {
            name: "one".into(),
            ..BuildDraft::default()
        };
        let usual = BuildRequest::new("one".parse().unwrap(), Distro::Bookworm);
        assert_eq!(draft.check(), Ok(usual));
        draft.distro = Some("trixie".into());
        draft.size = Some("6G".into());
        draft.epoch_seconds = Some(1);
        let request = draft.check().unwrap();
        assert_eq!(request.distro, Distro::Trixie);
        assert_eq!(request.size, ByteSize::from_mib(6144));
        assert_eq!(request.epoch_seconds, Some(1));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut draft = BuildDraft {
            name: "One".into(),
            distro: Some("sid".into()),
            size: Some("large".into()),
            packages: vec!["a b".into()],
            tags: vec!["a,b".into()],
            mirror: Some("cdrom:x".into()),
            security_mirror: Some("ftp://x".into()),
            epoch_seconds: None,
        };
        let problems = draft.check().unwrap_err();
        let wanted = [
            "name",
            "distro",
            "size",
            "packages",
            "tags",
            "mirror",
            "security_mirror",
        ];
        assert_eq!(fields(&problems), wanted);
        draft.size = Some("10M".into());
        assert_eq!(fields(&draft.check().unwrap_err()), wanted);

        let draft = FetchDraft {
            name: "a/b".into(),
            from: "image.raw".into(),
            checksum: Some("sha256:1".into()),
            tags: vec![String::new()],
        };
        let problems = draft.check().unwrap_err();
        assert_eq!(fields(&problems), ["name", "from", "checksum", "tags"]);
        let draft = FetchDraft::default();
        let problems = draft.check().unwrap_err();
        assert_eq!(fields(&problems), ["name", "from", "checksum"]);
    }

    #[test]
    fn an_image_with_a_checksum_is_asked_for() {
        let draft = FetchDraft {
            name: "cloud".into(),
            from: "https://mirror.example/a.qcow2".into(),
            checksum: Some(format!("sha512:{}", "a".repeat(128))),
            tags: vec!["test".into()],
        };
        let request = draft.check().unwrap();
        assert_eq!(request.checksum, draft.checksum);
        assert_eq!((request.from, request.tags), (draft.from, draft.tags));
    }
}
