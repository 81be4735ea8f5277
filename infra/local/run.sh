#!/bin/sh
# Compiles a command of the repository into .local, and runs it in place of this shell:
#
#	sh infra/local/run.sh NAME PACKAGE ARGUMENT…
#
# On a terminal it counts the seconds meanwhile. BEGAN tells the command when it was called.
BEGAN=$(date +%s)
export BEGAN
name=$1 package=$2
shift 2
program=.local/$name
[ -e "$program" ] || echo "compiling .local/$name first: a minute and 300 MB of Go's caches, or some seconds if Go has done so before" >&2
count() {
	while kill -0 $$ 2>/dev/null; do
		printf '\r\033[K%4ds  compiling %s' $(($(date +%s) - BEGAN)) "$name" >&2
		sleep 1
	done
}
end() {
	[ -z "$counter" ] || { kill "$counter" && printf '\r\033[K' >&2; }
}
counter=
if [ -t 2 ]; then
	count &
	counter=$!
	trap 'end; exit 130' INT TERM HUP
fi
# Beside the program, so that it is replaced at once also while another one runs.
mkdir -p .local && GOTMPDIR=$PWD/.local go build -o "$program" "$package"
status=$?
end
[ $status = 0 ] || exit $status
exec "$program" "$@"
