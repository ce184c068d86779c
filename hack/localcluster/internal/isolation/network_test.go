package isolation

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestARefusedConnectionLeavesNothing refuses a connection as kube-proxy does for a node port without pods: were it noted, the next
// one from the same source port would not be redirected when there are pods again.
func TestARefusedConnectionLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test, and its namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	run := func(line string) string {
		t.Helper()
		words := strings.Fields(line)
		output, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", line, err, output)
		}
		return string(output)
	}
	const node = "10.240.0.1"
	if err := (Network{NodeIP: node, ServiceCIDR: "10.96.0.0/16"}).Setup(); err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", node+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	run("iptables --table nat --append OUTPUT --destination " + node + " --protocol tcp --dport 30080 --jump DNAT --to-destination " + listener.Addr().String())
	run("iptables --append INPUT --match conntrack --ctstate NEW --protocol tcp --dport 30081 --jump REJECT")
	dial := func(port string) error {
		conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", net.JoinHostPort(node, port))
		if err == nil {
			conn.Close()
		}
		return err
	}

	if err := dial("30080"); err != nil {
		t.Errorf("a port with pods: %v", err)
	}
	if err := dial("30081"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port without pods: %v", err)
	}
	if noted := run("conntrack --dump --proto tcp"); !strings.Contains(noted, "dport=30080") || strings.Contains(noted, "dport=30081") {
		t.Errorf("noted is:\n%s", noted)
	}
}
