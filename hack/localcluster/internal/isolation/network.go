package isolation

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Network is what a node needs before any pod is on it.
type Network struct {
	NodeIP      string
	ServiceCIDR string
}

// Setup configures the network namespace of the calling thread, which must be
// locked. The node's address sits on the loopback interface: there is no other
// before the first pod, and pods reach it by their default route.
func (n Network) Setup() error {
	for _, arguments := range []string{
		"link set lo up",
		"address add " + n.NodeIP + "/32 dev lo",
		// A connection from the node to a Service has to have a route before
		// the firewall may redirect it to a pod.
		"route add " + n.ServiceCIDR + " dev lo src " + n.NodeIP,
		// There is no way out; say so at once instead of letting it time out.
		"route add unreachable default",
	} {
		command := exec.Command("ip", strings.Fields(arguments)...)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("running ip %s: %w: %s", arguments, err, output)
		}
	}
	// The kernel shows each thread the settings of its own namespace here.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return fmt.Errorf("letting the node forward packets of pods: %w", err)
	}
	return nil
}
