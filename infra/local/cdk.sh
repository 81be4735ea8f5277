#!/bin/sh
# The cdk CLI for the embedded AWS of make demo. In the folder of the repository it has the demo's app and
# the values of its last deployment, unless the command line says others. The function is that of BUCKETUSER_CODE, here as in any app.
if ! [ -e {{.Record}} ]; then
	echo "cdk: the embedded AWS of this shell is no longer up: open a new shell for your own account, or start it again with make demo" >&2
	exit 1
fi
test "$AWS_ENDPOINT_URL" = {{.Endpoint}} || . {{.Env}} # another one has been started since
case " $*" in
*" --app"* | *" -a"*) ;;
*)
	if [ "$(pwd -P)" = {{.Root}} ]; then
		case " $*" in
		*" provider=true"*) ;; # has no resource
		*keySerial=* | *stackName=*) set -- -c onDelete=Purge "$@" ;; # another key, or stack
		*) set -- -c onDelete=Purge $(cat {{.Context}} 2>/dev/null) "$@" ;;
		esac
		set -- --app {{.App}} "$@"
	fi
	;;
esac
export TMPDIR={{.Temporary}} # what is interrupted leaves files there
exec {{.CDK}} "$@"
