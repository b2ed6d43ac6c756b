#!/usr/bin/env bash
# Get the faces that ocr-print was trained with: old style, typewriter, dot matrix, Fraktur and common ones.
# None of them comes with scriba; their licences (mostly SIL OFL) are in the packages.
#
#     bash scripts/training_faces.sh DIR      then train with SCRIBA_FONTS=DIR
#
# Needs npm, and Debian's apt-get for the fonts-* packages (as root; without it they are left out).
set -euo pipefail

readonly DIR=${1:?usage: bash scripts/training_faces.sh DIR}
readonly DEBIAN=(
    fonts-blankenburg fonts-cabin fonts-cantarell fonts-comfortaa fonts-courier-prime fonts-crosextra-caladea
    fonts-crosextra-carlito fonts-dejavu fonts-ebgaramond fonts-freefont-ttf fonts-gamaliel fonts-gfs-bodoni-classic
    fonts-gfs-didot fonts-gnutypewriter fonts-gotico-antiqua fonts-goudybookletter fonts-hack fonts-inconsolata
    fonts-junicode fonts-lato fonts-liberation fonts-linuxlibertine fonts-lmodern fonts-noto-mono fonts-ocr-a
    fonts-ocr-b fonts-oldstandard fonts-open-sans fonts-play fonts-roboto fonts-sil-gentium fonts-texgyre
    fonts-tlwg-typewriter-ttf fonts-urw-base35 fonts-vollkorn
)
readonly WHOLE=( # in version 4 each has one file with all its characters, long s among them
    grenze-gotisch im-fell-english new-rocker pirata-one unifrakturcook unifrakturmaguntia
)
readonly LATIN=(
    alegreya anonymous-pro b612-mono bodoni-moda cardo cormorant-garamond courier-prime crimson-text cutive-mono
    dotgothic16 eb-garamond gelasio gfs-didot goudy-bookletter-1911 ibm-plex-mono im-fell-double-pica im-fell-dw-pica
    im-fell-great-primer inconsolata jacquard-12 kreon
    libre-baskerville libre-bodoni libre-caslon-text lora merriweather nova-mono old-standard-tt open-sans
    playfair-display roboto rokkitt share-tech-mono sorts-mill-goudy source-serif-4 special-elite vollkorn vt323
    xanh-mono
)

if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    apt-get install -y "${DEBIAN[@]}"
else
    echo "training_faces: not root on Debian, going on without ${DEBIAN[*]}" >&2
fi
mkdir -p "$DIR"
whole=("${WHOLE[@]/#/@fontsource/}")
npm install --prefix "$DIR" --no-audit --no-fund "${whole[@]/%/@4}" "${LATIN[@]/#/@fontsource/}"
