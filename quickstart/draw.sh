#!/bin/sh
# Draws line.png from line.txt. Needs ImageMagick and the DejaVu fonts (Debian: imagemagick,
# fonts-dejavu-extra). The quickstart itself needs neither: the picture is in the repository.
set -e
cd "$(dirname "$0")"
convert -font DejaVu-Sans-Condensed -pointsize 40 -background white -fill black \
  "label:$(cat line.txt)" -bordercolor white -border 6x6 \
  -colorspace Gray -depth 8 -strip -define png:exclude-chunks=all line.png
