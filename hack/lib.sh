# Sourced by the scripts beside it, from the root of the checkout.
# shellcheck shell=bash

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# kubectl as it was built with the local cluster's programs, where there are any; else that of the machine.
kubectl() {
	if [[ -x bin/k8s/kubectl ]]; then
		bin/k8s/kubectl "$@"
	else
		command kubectl "$@"
	fi
}

need_root() {
	[[ $EUID -eq 0 ]] || die "a Kubernetes node needs root (namespaces, mounts, control groups): sudo make $1"
}
