package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// in does something on a thread in the network. Sockets made there stay there.
func (n network) in(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		if err := unix.Setns(int(n.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering a network: %w", err)
			return
		}
		done <- do()
	}()
	return <-done
}

// TestANetworkIsCutAndSlowed lets two networks talk to each other, one of which is a pod's.
func TestANetworkIsCutAndSlowed(t *testing.T) {
	needRoot(t)
	var networks [2]network
	for i := range networks {
		uid := uuid.NewUUID()
		inGroup(t, uid, "sleep", "1000")
		var err error
		if networks[i], err = networkOf(uid); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(networks[i].close)
	}
	pod, gateway := networks[0], networks[1]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(pod.run(t.Context(), "ip link add eth0 type veth peer name peer"))
	must(func() error {
		command := exec.CommandContext(t.Context(), "nsenter", "--net=/proc/self/fd/3", "--", "ip", "link", "set", "peer", "netns", "/proc/self/fd/4")
		command.ExtraFiles = append(command.ExtraFiles, pod.namespace, gateway.namespace)
		return runProgram(command)
	}())
	must(pod.run(t.Context(), "ip address add 10.99.0.2/24 dev eth0; ip link set eth0 up"))
	must(gateway.run(t.Context(), "ip address add 10.99.0.1/24 dev peer; ip link set peer up"))

	var listener net.Listener
	must(gateway.in(func() (err error) {
		listener, err = net.Listen("tcp4", "10.99.0.1:8443")
		return err
	}))
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(connection, connection); _ = connection.Close() }()
		}
	}()
	// echo sends bytes of the pod to the gateway and back.
	echo := func(bytes int, patience time.Duration) error {
		var connection net.Conn
		if err := pod.in(func() (err error) {
			connection, err = net.DialTimeout("tcp4", "10.99.0.1:8443", patience)
			return err
		}); err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		sent := make(chan error, 1)
		go func() {
			_, err := connection.Write(make([]byte, bytes))
			sent <- err
		}()
		_, err := io.ReadFull(connection, make([]byte, bytes))
		return errors.Join(err, <-sent)
	}
	t.Run("while nobody sends anything", func(t *testing.T) {
		if err := pod.cut(t.Context(), 0); !errors.Is(err, errNoPacket) {
			t.Errorf("cut: %v", err)
		}
		if err := pod.slow(t.Context(), 0); !errors.Is(err, errNoPacket) {
			t.Errorf("slow: %v", err)
		}
	})
	must(echo(1<<20, patience))

	t.Run("cut", func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- pod.cut(ctx, time.Hour) }()
		for {
			err := echo(1, 200*time.Millisecond)
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				break
			}
			if err != nil {
				t.Fatalf("a cut network says so: %v", err)
			}
		}
		end()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if err := echo(1<<20, patience); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
	// slowed has the network slow until end is called; done tells how that ended.
	slowed := func(t *testing.T) (done chan error, end func()) {
		t.Helper()
		ctx, end := context.WithCancel(t.Context())
		done = make(chan error, 1)
		go func() { done <- pod.slow(ctx, time.Hour) }()
		for pod.run(t.Context(), "tc qdisc show dev eth0 | grep --quiet tbf") != nil {
			select {
			case err := <-done:
				t.Fatalf("it was over before it began: %v", err)
			default:
			}
		}
		return done, end
	}
	t.Run("slow", func(t *testing.T) {
		done, end := slowed(t)
		if err := echo(16<<10, patience); err != nil {
			t.Errorf("what is slow arrives: %v", err)
		}
		if err := pod.run(t.Context(), "tc -s qdisc show dev eth0 | grep --quiet 'overlimits 0 '"); err == nil {
			t.Error("nothing was held back")
		}
		end()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		if err := pod.run(t.Context(), "tc qdisc show dev eth0 | grep --quiet tbf"); err == nil {
			t.Error("it is slow still")
		}
	})
	t.Run("until it was felt", func(t *testing.T) {
		for name, fault := range map[string]func(context.Context, time.Duration) error{"cut": pod.cut, "slow": pod.slow} {
			done := make(chan error, 1)
			go func() { done <- fault(t.Context(), time.Second) }()
			for over := false; !over; {
				_ = echo(16<<10, 100*time.Millisecond)
				select {
				case err := <-done:
					over = true
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				default:
				}
			}
		}
	})
	t.Run("of a pod that has gone meanwhile", func(t *testing.T) {
		done, end := slowed(t)
		must(pod.run(t.Context(), "ip link delete eth0"))
		end()
		if err := <-done; err == nil || strings.Contains(err.Error(), "running") {
			t.Errorf("it ended with %v", err)
		}
	})
}
