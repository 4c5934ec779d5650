#!/bin/sh
# Asks a server about a picture with curl. Usage: fae serve --model runs/parts; inspect.sh URL PICTURE
set -eu
curl --silent --show-error --fail-with-body --data-binary "@$2" "$1/v1/inspect"
echo
curl --silent --show-error --fail-with-body --header "Accept: image/png" --data-binary "@$2" --output heatmap.png "$1/v1/inspect"
