"""CPython as a conda package, built from Debian's source package with a long placeholder prefix.

No conda channel is reachable from a build host, and Debian's own Python has another layout.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from gaia_lab.base import ensure_base
from gaia_lab.command import run, say
from gaia_lab.conda import PLACEHOLDER, Package, write_package

SOURCE = "python3.13"
SUITE = "forky"
# Runs in a minimal Debian. Upstream's layout, so Debian's patches stay out. The shared libraries that extension
# modules need travel in the package, so that an environment runs under the smallest system image.
SCRIPT = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
sed -n "s/^deb \(.*\) [a-z]* main/deb-src \1 $suite main/p" /etc/apt/sources.list > /etc/apt/sources.list.d/src.list
apt-get -qq update
mkdir -p /src
cd /src
apt-get -qq source --download-only $source
dpkg-source --skip-patches -x *.dsc src > /dev/null
cd src
nice ./configure -q --prefix="$prefix" --without-ensurepip --disable-test-modules
nice make -s -j"$(nproc)"
make -s install DESTDIR=/out
cd /out"$prefix"
find . -name __pycache__ -prune -exec rm -rf {} +
rm -rf lib/*.a lib/python*/config-*/*.a share/man
for module in lib/python*/lib-dynload/*.so; do
    ldd "$module" | awk '$2 == "=>" {print $3}'
    patchelf --set-rpath '$ORIGIN/../..' "$module"
done | sort -u | grep -vE '/(libc|libm|libdl|libpthread|librt|libutil)\.so' | while read -r library; do
    cp -L "$library" lib/
    patchelf --set-rpath '$ORIGIN' "lib/${library##*/}"
done
strip --strip-unneeded bin/python3.?? lib/python*/lib-dynload/*.so
ln -sf python3 bin/python
sed -n 's/^#define PY_VERSION *"\(.*\)"/\1/p' /src/src/Include/patchlevel.h > /out/version
"""


def build(work: Path, channel: Path) -> None:
    """Build the package into ``channel``; ``work`` is a scratch folder on a real disk."""
    say("building CPython for the channel from Debian's source package (once, about three minutes)")
    shutil.rmtree(work, ignore_errors=True)
    for name in ("upper", "work", "root", "out"):
        (work / name).mkdir(parents=True)
    settings = f"suite={SUITE}\nsource={SOURCE}\nprefix={PLACEHOLDER}\n"
    (work / "out" / "script").write_text(settings + SCRIPT)
    base = ensure_base("builder")
    root = shlex.quote(str(work / "root"))
    steps = [
        f"mount -t overlay overlay -o lowerdir={base},upperdir={work}/upper,workdir={work}/work {root}",
        f"cp /etc/ssl/certs/ca-certificates.crt {root}/etc/ssl/certs/",
        f"cp --remove-destination /etc/resolv.conf {root}/etc/resolv.conf",
        f"mount --rbind /dev {root}/dev",
        f"mount -t proc proc {root}/proc",
        f"mkdir -p {root}/out",
        f"mount --bind {work}/out {root}/out",
        f"exec chroot {root} sh /out/script",
    ]
    run(
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--propagation",
        "private",
        "sh",
        "-c",
        " && ".join(steps),
        timeout=1800,
    )
    version = (work / "out" / "version").read_text().strip()
    package = Package("python", version, [], license="PSF-2.0")
    write_package(package, work / "out" / PLACEHOLDER.lstrip("/"), channel)
    shutil.rmtree(work)
