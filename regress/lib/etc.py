"""An /etc of the test's own, for a daemon that reads names from there."""

import shutil


class Etc:
    """The directory."""

    def __init__(self, path):
        self.path = path
        path.mkdir()
        for name in "passwd", "group", "ld.so.cache":
            shutil.copy("/etc/" + name, path)

    def put(self, name, text):
        """As editors and resolvconf(8) do it."""
        new = self.path / (name + ".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.path / name)


class Namespace:
    """A namespace whose programs see that /etc."""

    def __init__(self, ns, etc):
        self.ns = ns
        self.etc = etc

    def argv(self, *args):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                'mount --bind "$0" /etc && exec "$@"', str(self.etc.path),
                *self.ns.argv(*args)]

    def __getattr__(self, name):
        return getattr(self.ns, name)
