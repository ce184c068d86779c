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

// nodePorts is the API server's own range, as iptables writes it.
const nodePorts = "30000:32767"

// Setup configures the network namespace of the calling thread, which must be
// locked. The node's address sits on the loopback interface: there is no other
// before the first pod, and pods reach it by their default route.
func (n Network) Setup() error {
	for _, line := range []string{
		"ip link set lo up",
		"ip address add " + n.NodeIP + "/32 dev lo",
		// A connection from the node to a Service has to have a route before
		// the firewall may redirect it to a pod.
		"ip route add " + n.ServiceCIDR + " dev lo src " + n.NodeIP,
		// There is no way out; say so at once instead of letting it time out.
		"ip route add unreachable default",
		// kube-proxy redirects a connection to a node port before this rule,
		// unless no pod is ready, and then refuses it after connection tracking
		// has noted it as not redirected. For two minutes the note would hold
		// for every connection from the same source port, pods or none.
		"iptables --append OUTPUT --destination " + n.NodeIP + " --protocol tcp --dport " + nodePorts + " --jump REJECT --reject-with tcp-reset",
	} {
		words := strings.Fields(line)
		if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("running %s: %w: %s", line, err, output)
		}
	}
	// The kernel shows each thread the settings of its own namespace here.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return fmt.Errorf("letting the node forward packets of pods: %w", err)
	}
	return nil
}
