#!/usr/bin/env bash
# Get the faces that ocr-print was trained with: old style, typewriter, dot matrix, Fraktur, screen and common ones.
# None of them comes with scriba; their licences (mostly SIL OFL) are in the packages.
#
#     bash scripts/training_faces.sh DIR      then train with SCRIBA_FONTS=DIR
#
# Needs npm, and Debian's apt-get for the fonts-* packages (as root; without it they are left out).
set -euo pipefail

readonly DIR=${1:?usage: bash scripts/training_faces.sh DIR}
readonly DEBIAN=(
    fonts-adf-accanthis fonts-adf-baskervald fonts-adf-berenis fonts-adf-gillius fonts-adf-universalis
    fonts-adf-verana fonts-anonymous-pro fonts-b612 fonts-blankenburg fonts-cabin fonts-cantarell fonts-clear-sans
    fonts-cmu fonts-comfortaa fonts-comic-neue fonts-courier-prime fonts-croscore fonts-crosextra-caladea
    fonts-crosextra-carlito fonts-dejavu fonts-dosis fonts-ebgaramond fonts-ebgaramond-extra fonts-fantasque-sans
    fonts-firacode fonts-freefont-ttf fonts-gamaliel fonts-gfs-bodoni-classic fonts-gfs-didot fonts-gnutypewriter
    fonts-go fonts-gotico-antiqua fonts-goudybookletter fonts-hack fonts-hermit fonts-inconsolata fonts-inter
    fonts-jetbrains-mono fonts-junicode fonts-lato fonts-league-mono fonts-league-spartan fonts-liberation fonts-linex
    fonts-linuxlibertine fonts-lmodern fonts-manrope fonts-monofur fonts-mononoki fonts-national-park fonts-noto-core
    fonts-noto-extra fonts-noto-mono fonts-noto-ui-core fonts-ocr-a fonts-ocr-b fonts-oldstandard fonts-open-sans
    fonts-opendyslexic fonts-oxygen fonts-play fonts-proggy fonts-quicksand fonts-recommended fonts-roboto
    fonts-roboto-slab fonts-sil-andika fonts-sil-charis fonts-sil-doulos fonts-sil-gentium fonts-sil-sophia-nubian
    fonts-spleen fonts-terminus fonts-texgyre fonts-tlwg-typewriter-ttf fonts-tomsontalks fonts-urw-base35
    fonts-vollkorn ttf-bitstream-vera
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
