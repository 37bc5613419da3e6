"""Tiny Shakespeare: 40,000 lines of his plays in one file, of 65 different characters.

Collected by Andrej Karpathy (2015) for character-level language models; the text is in the public domain.
"""

from d2l_attention.datasets.needed import fetch_all

COMMIT = "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
URL = "https://raw.githubusercontent.com/karpathy/char-rnn/{}/data/tinyshakespeare/input.txt"
FILE = {
    "name": "tinyshakespeare",
    "file_name": "input.txt",
    "urls": [URL.format(COMMIT), URL.format("master")],
    "size": 1_115_394,
    "sha256": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}
TRAINING = 0.9  # the first nine tenths; the rest is for validation, as in nanoGPT


def load(*, progress: bool = True) -> tuple[str, str]:
    """Return the text that is trained on, 1,003,854 characters, and that of validation, 111,540.

    Parameters
    ----------
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        The file is not what it should be.
    ConnectionError
        It is neither in the cache nor to be had; the message says where to put it.
    """
    (path,) = fetch_all([FILE], progress=progress)
    text = path.read_bytes().decode("ascii")
    end = int(TRAINING * len(text))
    return text[:end], text[end:]


def require(*, progress: bool = True) -> None:
    """Find or download the text now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    fetch_all([FILE], progress=progress)
