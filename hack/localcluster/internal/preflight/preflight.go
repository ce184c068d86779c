// Package preflight says what the machine lacks before anything is started. It
// must never install or change anything itself.
package preflight

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// CNIFolder is where Debian puts the network plugins.
const CNIFolder = "/usr/lib/cni"

// needed lists the Debian packages with the programs that are used of each:
// by this program, by containerd, by the kubelet or by kube-proxy.
var needed = []struct {
	name     string
	programs []string
}{
	{"containerd", []string{"containerd", "containerd-shim-runc-v2", "ctr"}},
	{"runc", []string{"runc"}},
	{"containernetworking-plugins", []string{
		CNIFolder + "/host-local", CNIFolder + "/loopback", CNIFolder + "/portmap", CNIFolder + "/ptp",
	}},
	{"iptables", []string{"iptables", "iptables-save", "iptables-restore", "ip6tables-save"}},
	{"iproute2", []string{"ip"}},
	{"conntrack", []string{"conntrack"}},
	{"mount", []string{"mount", "umount"}},
}

// Packages lists the Debian packages that a cluster needs at run time.
func Packages() []string {
	var names []string
	for _, p := range needed {
		names = append(names, p.name)
	}
	return names
}

// CheckRoot returns an error unless this is root.
func CheckRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("a cluster is made of namespaces, mounts and control groups: run this as root")
	}
	return nil
}

// CheckPackages returns an error that tells how to install what is missing.
func CheckPackages() error {
	missing := missingPackages(func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	})
	if len(missing) > 0 {
		return fmt.Errorf("programs are missing; install them with\n\tapt-get install --no-install-recommends %s",
			strings.Join(missing, " "))
	}
	return nil
}

func missingPackages(installed func(program string) bool) []string {
	var missing []string
	for _, p := range needed {
		if !slices.ContainsFunc(p.programs, func(program string) bool { return !installed(program) }) {
			continue
		}
		missing = append(missing, p.name)
	}
	return missing
}

// CheckState refuses places for the state folder that cannot work.
func CheckState(folder string) error {
	for _, hidden := range []string{"/run", "/var/run", "/var/log", "/var/lib/cni", "/proc", "/sys", "/dev"} {
		if folder == hidden || strings.HasPrefix(folder, hidden+"/") {
			return fmt.Errorf("state folder %s: the cluster sees another %s than the host", folder, hidden)
		}
	}
	if !filepath.IsAbs(folder) || folder == "/" {
		return fmt.Errorf("state folder %s: want an absolute path of a folder of its own", folder)
	}
	return nil
}
