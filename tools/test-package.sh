#!/bin/bash
# The life of the Debian package in a chroot of a release: built and looked at by lintian as a user,
# installed over the version before, tested as autopkgtest would, removed, installed again, purged.
#   [DEB_BUILD_OPTIONS=nocheck] tools/test-package.sh [SUITE-ARCHITECTURE...]
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tools/chroots.sh
. tools/chroots.sh

if [ "${1:-}" != --inside ]; then
    failed=0
    in_releases tools/test-package.sh "$@" || failed=1
    exit "$failed"
fi
trap 'exit 130' INT TERM HUP

name=$2
root=$releases/$name
log=$logs/$name.package
package=libapache2-mod-dav-multistatus
state=/var/lib/mod_dav_multistatus
url=http://127.0.0.1/package/

# What is done, and then what it said, goes into the log; the first thing that fails ends it.
step() {
    echo "$name: $1" | tee -a "$log"
    shift
    "$@" >>"$log" 2>&1 || {
        tail -n 40 "$log"
        die "$name: FAILED (see $log)"
    }
}

apt() {
    inside "$name" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# Inside, as root, by sh.
run() {
    inside "$name" sh -ec "$1"
}

build() {
    inside "$name" make packages FOR=deb
    inside_as_user "$name" env DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-}" sh -ec '
        make PACKAGES=no deb
        rm -rf ~/now ~/before
        mkdir ~/now ~/before
        cp build/deb/*.deb ~/now'
}

# In its place, this one under a lower number, as long as no version before has had a package.
build_before() {
    inside_as_user "$name" sh -ec '
        sed -i "1s/(.*)/(0.0.1-1)/" debian/changelog
        DEB_BUILD_OPTIONS=nocheck make PACKAGES=no deb || true
        cp build/deb/*.deb ~/before'
}

# What an earlier run may have left in the chroot.
clear() {
    run "dpkg --purge $package $package-dev || true
        rm -rf $state /srv/package /etc/apache2/*/package.conf"
}

site() {
    mkdir -p "$root/srv/package"
    chroot "$root" chown www-data: /srv/package
    cat >"$root/etc/apache2/conf-available/package.conf" <<CONF
ServerName 127.0.0.1
Alias "/package" "/srv/package"
<Directory "/srv/package">
    Require local
</Directory>
<IfModule mod_dav_multistatus.c>
    <Location "/package">
        DavMultistatus On
    </Location>
</IfModule>
CONF
    run 'a2enconf -q package'
}

serve() {
    run 'apache2ctl configtest; apache2ctl -k restart || apache2ctl start'
    run "curl -s -o /dev/null --retry 20 --retry-connrefused --retry-delay 1 $url"
}

set_property() {
    run "curl -sf -X PUT -d x ${url}a
        curl -sf -X PROPPATCH ${url}a -H 'Content-Type: application/xml' -d '<propertyupdate xmlns=\"DAV:\"><set>\
<prop><color xmlns=\"urn:x\">red</color></prop></set></propertyupdate>' | grep 'HTTP/1.1 200'"
}

has_property() {
    run "curl -sf -X PROPFIND -H 'Depth: 0' ${url}a | grep '>red<'"
}

its_files_are_there() {
    run "[ \"\$(stat -c '%U %a' $state)\" = 'www-data 700' ] && [ -s $state/store.db ]
        a2query -m dav_multistatus
        dpkg -s $package | grep -E '^Depends:.*apache2-api-20120211'"
}

edit_conf() {
    run 'echo "# of the administrator" >>/etc/apache2/mods-available/dav_multistatus.conf'
}

is_edited() {
    run 'tail -n 1 /etc/apache2/mods-available/dav_multistatus.conf | grep -x "# of the administrator"'
}

only_state_and_conf_stay() {
    run "[ ! -e /usr/lib/apache2/modules/mod_dav_multistatus.so ]
        [ ! -e /etc/apache2/mods-enabled/dav_multistatus.load ]
        [ -e /etc/apache2/mods-available/dav_multistatus.conf ]
        [ -s $state/store.db ]"
}

nothing_stays() {
    run "[ ! -e $state ]
        ! find / -xdev -name '*dav_multistatus*' -not -path '/home/*' -not -path '/srv/*' | grep . "
}

: >"$log"
step "chroot" make_chroot "$name"
mount_system "$root"
copy_tree "$root"
trap 'chroot "$root" apache2ctl stop >/dev/null 2>&1 || true' EXIT
step "nothing of it is there" clear
step "build, lintian" build
step "build the version before" build_before
step "apache2, curl, litmus" apt install apache2 curl litmus
step "install the version before" run "cd /home/$tester/before && apt-get -qq -y install ./${package}_*.deb"
step "serve" site
step "start" serve
step "a property" set_property
step "the state, the module, the interface" its_files_are_there
step "a change to its configuration" edit_conf
step "upgrade" run "cd /home/$tester/now && apt-get -qq -y -o Dpkg::Options::=--force-confold install ./*.deb"
step "start" serve
step "the property is still there" has_property
step "the change is still there" is_edited
step "the header compiles" run 'cd /tmp && gcc -fsyntax-only $(pkg-config --cflags mod_dav_multistatus) $(apxs -q EXTRA_CPPFLAGS) -I$(apxs -q INCLUDEDIR) /usr/share/doc/libapache2-mod-dav-multistatus-dev/examples/mod_dav_check.c'
step "debian/tests/litmus" inside "$name" debian/tests/litmus
step "remove" apt remove "$package"
step "start" serve
step "state and configuration are still there" only_state_and_conf_stay
step "install again" run "cd /home/$tester/now && apt-get -qq -y install ./${package}_*.deb"
step "start" serve
step "the property is still there" has_property
step "stop" run 'apache2ctl stop; sleep 1'
step "purge" apt purge "$package" "$package-dev"
step "nothing is left" nothing_stays
echo "$name: fine"
