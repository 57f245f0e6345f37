//! XML with every byte that matters kept: what is read is written again as it was.
//!
//! It is read by events and kept as events, so that elements, attributes, comments and blanks that nobody here
//! knows survive an edit. Entities are never expanded beyond those that XML itself has, and there may be no
//! document type.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesEnd, BytesRef, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

use super::XmlError;

/// The most bytes of a document: what a message of libvirt's holds (its `REMOTE_STRING_MAX`).
pub(crate) const LONGEST: usize = 4 << 20;

/// How deep elements may be in each other. libvirt's own stay below twenty.
const DEEPEST: usize = 64;

/// The most elements, texts and comments of a document.
const MOST_PARTS: usize = 100_000;

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    before: Vec<Event<'static>>,
    pub(crate) root: Element,
    after: Vec<Event<'static>>,
}

/// An element with all that is in it.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    start: BytesStart<'static>,
    nodes: Vec<Node>,
    is_short: bool,
}

/// A part of an element.
#[derive(Clone, Debug)]
enum Node {
    Element(Element),
    Other(Event<'static>),
}

impl Document {
    /// Reads a text whose outermost element has this name.
    pub(crate) fn parse(text: &str, wanted: &'static str) -> Result<Self, XmlError> {
        let document = Self::parse_any(text)?;
        match document.root.name() {
            name if name == wanted => Ok(document),
            found => Err(XmlError::WrongRoot {
                found: found.chars().take(200).collect(),
                wanted,
            }),
        }
    }

    fn parse_any(text: &str) -> Result<Self, XmlError> {
        if text.len() > LONGEST {
            return Err(too_large("bytes", LONGEST));
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        let mut open: Vec<Element> = Vec::new();
        let (mut before, mut root, mut after) = (Vec::new(), None, Vec::new());
        for _ in 0..MOST_PARTS {
            let event = reader.read_event();
            let at = reader.buffer_position();
            let event = event.map_err(|error| malformed(at, &error))?;
            let node = match event {
                Event::Eof if !open.is_empty() => return Err(malformed(at, &"it ends too early")),
                Event::Eof => {
                    let root = root.ok_or_else(|| malformed(at, &"it has no element"))?;
                    return Ok(Self {
                        before,
                        root,
                        after,
                    });
                }
                Event::DocType(_) => return Err(XmlError::DocumentType),
                Event::Start(start) => {
                    if open.len() == DEEPEST {
                        return Err(too_large("elements in each other", DEEPEST));
                    }
                    open.push(element(start, false, at)?);
                    continue;
                }
                Event::End(_) => match open.pop() {
                    Some(element) => Node::Element(element),
                    None => return Err(malformed(at, &"an element ends that did not begin")),
                },
                Event::Empty(start) => Node::Element(element(start, true, at)?),
                other => {
                    check(&other, open.is_empty(), at)?;
                    Node::Other(other.into_owned())
                }
            };
            match (open.last_mut(), node) {
                (Some(parent), node) => parent.nodes.push(node),
                (None, Node::Element(element)) if root.is_none() => root = Some(element),
                (None, Node::Element(_)) => {
                    return Err(malformed(at, &"it has two outermost elements"));
                }
                (None, Node::Other(event)) if root.is_none() => before.push(event),
                (None, Node::Other(event)) => after.push(event),
            }
        }
        Err(too_large("parts", MOST_PARTS))
    }

    /// The document as text.
    pub(crate) fn write(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        for event in &self.before {
            put(&mut writer, event.borrow());
        }
        self.root.write(&mut writer);
        for event in &self.after {
            put(&mut writer, event.borrow());
        }
        into_text(writer)
    }
}

impl Element {
    /// An element with nothing in it.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            start: BytesStart::new(name),
            nodes: Vec::new(),
            is_short: true,
        }
    }

    /// The same with an attribute.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set_attribute(name, value);
        self
    }

    /// The same with a text in it.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.set_text(text);
        self
    }

    /// The same with an element at the end.
    pub(crate) fn with_child(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self.is_short = false;
        self
    }

    /// The same with elements at the end.
    pub(crate) fn with_children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::with_child)
    }

    /// Its name with the prefix, as it is written.
    pub(crate) fn name(&self) -> &str {
        let written: &str = &self.start;
        &written[..written.len() - self.start.attributes_raw().len()]
    }

    /// Its name without a prefix.
    pub(crate) fn local_name(&self) -> &str {
        let name = self.name();
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// All its attributes.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, String)> {
        // All of them were looked at when it was read.
        self.start.attributes().flatten().filter_map(|attribute| {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some((attribute.key.0, value.into_owned()))
        })
    }

    /// Sets an attribute; others and their order stay.
    pub(crate) fn set_attribute(&mut self, name: &str, value: &str) {
        let mut start = BytesStart::new(self.name().to_owned());
        let mut is_set = false;
        for attribute in self.start.attributes().flatten() {
            if attribute.key.0 == name {
                start.push_attribute((name, value));
                is_set = true;
            } else {
                // As it was; only what delimits it may have been another quote.
                start.push_attribute(Attribute {
                    key: attribute.key,
                    value: attribute.value.replace('"', "&quot;").into(),
                });
            }
        }
        if !is_set {
            start.push_attribute((name, value));
        }
        self.start = start;
    }

    /// The elements in it.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        })
    }

    /// The elements of this name in it.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements()
            .filter(move |element| element.name() == name)
    }

    /// The element at a path, the first where there are more.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| {
            element.elements().find(|child| child.name() == *name)
        })
    }

    /// The first element of this name in it, to be changed.
    pub(crate) fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.elements_mut().find(|element| element.name() == name)
    }

    /// The elements in it, to be changed.
    pub(crate) fn elements_mut(&mut self) -> impl Iterator<Item = &mut Self> {
        self.nodes.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        })
    }

    /// The text in it, without blanks around it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            match node {
                Node::Other(Event::Text(part)) => text.push_str(&part.xml10_content()),
                Node::Other(Event::CData(part)) => text.push_str(&part.xml10_content()),
                Node::Other(Event::GeneralRef(reference)) => text.extend(resolve(reference)),
                Node::Other(_) | Node::Element(_) => {}
            }
        }
        text.trim().to_owned()
    }

    /// The text at a path, or nothing where there is none.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<String> {
        Some(self.at(path)?.text()).filter(|text| !text.is_empty())
    }

    /// The value of an attribute of the element at a path.
    pub(crate) fn attribute_at(&self, path: &[&str], name: &str) -> Option<String> {
        self.at(path)?.attribute(name)
    }

    /// Replaces all that is in it by a text.
    pub(crate) fn set_text(&mut self, text: &str) {
        let text = BytesText::new(text).into_owned();
        self.nodes = vec![Node::Other(Event::Text(text))];
        self.is_short = false;
    }

    /// Puts an element at the end, or before the first of `before` where one of these is there. Blanks that the
    /// others stand behind are put before it too.
    pub(crate) fn insert(&mut self, child: Self, before: &[&str]) {
        let indent = self.nodes.iter().find(|node| is_blank(node)).cloned();
        let child = Node::Element(child);
        let is_after = |node: &Node| match node {
            Node::Element(element) => before.contains(&element.name()),
            Node::Other(_) => false,
        };
        let (at, new): (usize, Vec<Node>) = match self.nodes.iter().position(is_after) {
            Some(at) => (at, [child].into_iter().chain(indent).collect()),
            // The last blanks stand before the end of the element itself.
            None if self.nodes.len() > 1 && self.nodes.last().is_some_and(is_blank) => {
                let at = self.nodes.len() - 1;
                (at, indent.into_iter().chain([child]).collect())
            }
            None => (self.nodes.len(), vec![child]),
        };
        self.nodes.splice(at..at, new);
        self.is_short = false;
    }

    /// Removes the elements that `is_meant`, with the blanks before them; says how many.
    pub(crate) fn remove(&mut self, mut is_meant: impl FnMut(&Self) -> bool) -> usize {
        let (mut kept, mut removed): (Vec<Node>, usize) = (Vec::new(), 0);
        for node in self.nodes.drain(..) {
            match &node {
                Node::Element(element) if is_meant(element) => {
                    removed += 1;
                    if kept.last().is_some_and(is_blank) {
                        kept.pop();
                    }
                }
                _ => kept.push(node),
            }
        }
        self.nodes = kept;
        removed
    }

    /// The names of the elements that stand only behind the last one of this name.
    pub(crate) fn after(&self, name: &str) -> Vec<String> {
        let names: Vec<&str> = self.elements().map(Self::name).collect();
        let from = names.iter().rposition(|found| *found == name);
        let (before, after) = names.split_at(from.map_or(0, |last| last + 1));
        let only_behind = after.iter().filter(|name| !before.contains(name));
        only_behind.map(|name| (*name).to_owned()).collect()
    }

    /// The element as text of its own, a line for each element.
    pub(crate) fn to_indented_text(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        self.write(&mut writer);
        into_text(writer)
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        if self.is_short {
            return put(writer, Event::Empty(self.start.borrow()));
        }
        put(writer, Event::Start(self.start.borrow()));
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(writer),
                Node::Other(event) => put(writer, event.borrow()),
            }
        }
        put(writer, Event::End(BytesEnd::new(self.name())));
    }
}

fn element(start: BytesStart<'_>, is_short: bool, at: u64) -> Result<Element, XmlError> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(at, &error))?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        value.map_err(|error| malformed(at, &error))?;
    }
    Ok(Element {
        start: start.into_owned(),
        nodes: Vec::new(),
        is_short,
    })
}

/// Whether something that is no element may be where it is.
fn check(event: &Event<'_>, is_outside: bool, at: u64) -> Result<(), XmlError> {
    match event {
        Event::GeneralRef(reference) if resolve(reference).is_none() => {
            Err(malformed(at, &"it has an entity that is none of XML's own"))
        }
        Event::Text(text) if is_outside && !text.trim().is_empty() => {
            Err(malformed(at, &"a text is outside of all elements"))
        }
        Event::GeneralRef(_) | Event::CData(_) if is_outside => {
            Err(malformed(at, &"a text is outside of all elements"))
        }
        _ => Ok(()),
    }
}

/// The character that a reference stands for: by its number, or one of the five that XML names.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok().flatten();
    }
    let name: &str = reference;
    resolve_predefined_entity(name)?.chars().next()
}

fn is_blank(node: &Node) -> bool {
    match node {
        Node::Other(Event::Text(text)) => text.trim().is_empty(),
        _ => false,
    }
}

fn put(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    writer
        .write_event(event)
        .expect("memory takes all that is written to it");
}

fn into_text(writer: Writer<Vec<u8>>) -> String {
    String::from_utf8(writer.into_inner()).expect("made of texts")
}

fn too_large(what: &'static str, limit: usize) -> XmlError {
    XmlError::TooLarge { what, limit }
}

fn malformed(at: u64, why: &dyn std::fmt::Display) -> XmlError {
    XmlError::Malformed {
        at,
        why: why.to_string().chars().take(200).collect(),
    }
}
