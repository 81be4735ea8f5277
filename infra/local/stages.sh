#!/bin/sh
# Says on a terminal which stages of make test run, and for how long it has run: stages.sh FOLDER PROCESS, until that
# process ends. What others print replaces the line.
[ -t 1 ] || exit 0
began=$(date +%s)
while kill -0 "$2" 2> /dev/null; do
	running=
	for file in "$1"/*.txt; do
		stage=$(basename "$file" .txt)
		grep -qs " $stage\$" "$1/minutes" || running="$running $stage"
	done
	took=$(($(date +%s) - began))
	printf '\033[K%3d:%02d  running:%s\r' $((took / 60)) $((took % 60)) "$running"
	sleep 1
done
printf '\033[K'
