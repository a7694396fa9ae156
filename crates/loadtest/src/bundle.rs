//! The clips that the crate carries, made by `scripts/make-clips.sh`.

use base::Language;

use crate::clip::{ClipError, Picture, Sound};

/// Pictures of different people in the bundle. Not fewer than people on stage at once.
pub const PICTURES: usize = 12;

macro_rules! files {
    ($($name:literal),+ $(,)?) => { [$(include_bytes!(concat!("../clips/", $name)).as_slice()),+] };
}

static PICTURE_FILES: [&[u8]; PICTURES] = files![
    "picture-01.ivf",
    "picture-02.ivf",
    "picture-03.ivf",
    "picture-04.ivf",
    "picture-05.ivf",
    "picture-06.ivf",
    "picture-07.ivf",
    "picture-08.ivf",
    "picture-09.ivf",
    "picture-10.ivf",
    "picture-11.ivf",
    "picture-12.ivf",
];
static SCREEN_FILE: &[u8] = include_bytes!("../clips/screen.ivf");
static EN: [&[u8]; 4] =
    files!["voice-en-1.opus", "voice-en-2.opus", "voice-en-3.opus", "voice-en-4.opus"];
static RU: [&[u8]; 4] =
    files!["voice-ru-1.opus", "voice-ru-2.opus", "voice-ru-3.opus", "voice-ru-4.opus"];
static UR: [&[u8]; 4] =
    files!["voice-ur-1.opus", "voice-ur-2.opus", "voice-ur-3.opus", "voice-ur-4.opus"];

/// The picture of the person with this number, or `None` past the last.
///
/// # Errors
/// [`ClipError`] when the bundled file is damaged.
pub fn picture(number: usize) -> Result<Option<Picture>, ClipError> {
    PICTURE_FILES.get(number).map(|file| Picture::from_ivf(file)).transpose()
}

/// The picture of a shared screen.
///
/// # Errors
/// [`ClipError`] when the bundled file is damaged.
pub fn screen() -> Result<Picture, ClipError> {
    Picture::from_ivf(SCREEN_FILE)
}

/// Bundled voices in the order in which they suit a speaker of `language`: its own first.
pub fn voices(language: &Language) -> Vec<Voice> {
    let mut groups = [("en", &EN), ("ru", &RU), ("ur", &UR)];
    groups.sort_by_key(|(tag, _)| !language.as_str().starts_with(tag));
    groups
        .into_iter()
        .flat_map(|(tag, files)| {
            files.iter().enumerate().map(move |(number, file)| Voice { tag, number, file })
        })
        .collect()
}

/// One bundled voice. No two people of a rehearsal may have the same.
#[derive(Clone, Copy)]
pub struct Voice {
    tag: &'static str,
    number: usize,
    file: &'static [u8],
}

impl Voice {
    /// A name that no other voice has, such as `ru-2`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.tag, self.number + 1)
    }

    /// True when the voice speaks this language.
    pub fn speaks(&self, language: &Language) -> bool {
        language.as_str().split('-').next() == Some(self.tag)
    }

    /// Reads the clip.
    ///
    /// # Errors
    /// [`ClipError`] when the bundled file is damaged.
    pub fn sound(&self) -> Result<Sound, ClipError> {
        Sound::from_ogg(self.file)
    }
}
