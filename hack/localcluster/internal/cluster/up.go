package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/openplp/khocr/hack/localcluster/internal/build"
	"github.com/openplp/khocr/hack/localcluster/internal/forward"
	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
	"github.com/openplp/khocr/hack/localcluster/internal/pki"
)

// Options is what a caller of Up may ask for. Empty fields keep what the
// cluster was asked to be before.
type Options struct {
	Name        string
	Folder      string
	Bin         string
	Kubeconfig  string
	AuditPolicy string
	Forwards    []forward.Forward
}

// Prepare finds or makes the settings of a cluster, without starting anything.
// The state folder must be locked.
func Prepare(o Options, progress func(string)) (*Cluster, error) {
	settings, err := state(o.Folder).readSettings()
	if err != nil && !errors.Is(err, errNoCluster) {
		return nil, err
	}
	if isNew := err != nil; isNew {
		if err := checkEmpty(o.Folder); err != nil {
			return nil, err
		}
		settings = Settings{
			Name:       o.Name,
			Kubeconfig: state(o.Folder).path("kubeconfig"),
			API:        forward.Forward{Listen: "127.0.0.1:0", Port: apiPort},
			Forwards:   []forward.Forward{},
		}
	}
	if settings.Name != o.Name {
		return nil, fmt.Errorf("state folder %s belongs to cluster %s, not %s", o.Folder, settings.Name, o.Name)
	}
	settings.Bin = o.Bin
	if o.Kubeconfig != "" {
		settings.Kubeconfig = o.Kubeconfig
	}
	if o.AuditPolicy != "" {
		settings.AuditPolicy = o.AuditPolicy
	}
	if o.Forwards != nil {
		settings.Forwards = mergeForwards(o.Forwards, settings.Forwards)
	}
	c, err := newCluster(o.Folder, settings, progress)
	if err != nil {
		return nil, err
	}
	return c, c.saveSettings()
}

// checkEmpty refuses to make a cluster among somebody's files: down removes the
// whole folder.
func checkEmpty(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("looking into the state folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("state folder %s holds other files, such as %s", folder, entries[0].Name())
	}
	return nil
}

// Up starts what is not running and returns when pods can run.
func (c *Cluster) Up(ctx context.Context) error {
	if err := pki.Folder(c.state.pki()).Ensure(c.servingHosts(), c.identities()); err != nil {
		return fmt.Errorf("making certificates: %w", err)
	}
	if err := c.ensureIsolation(ctx); err != nil {
		return err
	}
	if err := c.startAll(ctx); err != nil {
		return err
	}
	if err := c.writeKubeconfig(); err != nil {
		return err
	}
	if err := c.ensureNodeAccess(ctx); err != nil {
		return err
	}
	if err := c.ensureStorage(ctx); err != nil {
		return err
	}
	return c.waitForNode(ctx)
}

// ensureIsolation makes the namespaces and control groups. Processes that are
// left in namespaces which are gone, or half gone, cannot be reached any more
// and have to start anew.
func (c *Cluster) ensureIsolation(ctx context.Context) error {
	if !c.namespaces.Exist() {
		if err := c.endProcesses(ctx); err != nil {
			return err
		}
		c.progress("making the namespaces")
		binds, err := c.binds()
		if err != nil {
			return err
		}
		err = c.namespaces.Create(string(c.state), func() error {
			network := isolation.Network{NodeIP: NodeIP, ServiceCIDR: ServiceCIDR}
			if err := network.Setup(); err != nil {
				return err
			}
			return isolation.PrivateMounts(binds)
		})
		if err != nil {
			return err
		}
	}
	return c.cgroup.Create()
}

// startAll starts the components. Those that do not need each other start at
// the same time.
func (c *Cluster) startAll(ctx context.Context) error {
	containerd, err := c.containerd()
	if err != nil {
		return err
	}
	first := []component{c.forwarder(), c.etcd(), c.apiServer(), containerd}
	for _, part := range first {
		if err := c.ensure(ctx, part); err != nil {
			return err
		}
	}
	if err := c.waitReady(ctx, containerd); err != nil {
		return err
	}
	if _, err := c.Load(ctx, build.PauseArchive(c.settings.Bin)); err != nil {
		return fmt.Errorf("loading the pause image: %w", err)
	}
	for _, part := range first {
		if err := c.waitReady(ctx, part); err != nil {
			return err
		}
	}
	second, err := c.clients()
	if err != nil {
		return err
	}
	for _, part := range second {
		if err := c.ensure(ctx, part); err != nil {
			return err
		}
	}
	for _, part := range second {
		if err := c.waitReady(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// clients are the components that need the API server to be ready.
func (c *Cluster) clients() ([]component, error) {
	var parts []component
	for _, make := range []func() (component, error){c.kubelet, c.controllerManager, c.scheduler, c.proxy} {
		part, err := make()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (c *Cluster) writeKubeconfig() error {
	content, err := c.kubeconfig(c.settings.API.Address, adminClient)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(c.settings.Kubeconfig); err == nil && string(old) == string(content) {
		return nil
	}
	if err := writeFile(c.settings.Kubeconfig, content, 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}

// waitForNode returns when a pod that is created now will run.
func (c *Cluster) waitForNode(ctx context.Context) error {
	err := poll(ctx, startPatience, func(ctx context.Context) error {
		const account = "/api/v1/namespaces/default/serviceaccounts/default"
		if _, err := c.api(ctx, "GET", account, nil, nil); err != nil {
			return err
		}
		return c.nodeReady(ctx)
	})
	if err != nil {
		return fmt.Errorf("waiting for the node: %w", err)
	}
	return nil
}

// nodeReady asks for a condition that this very kubelet has reported: the last
// one of an earlier kubelet stays for the better part of a minute.
func (c *Cluster) nodeReady(ctx context.Context) error {
	var node struct {
		Status struct {
			Conditions []struct {
				Type, Status, Message string
				LastHeartbeatTime     time.Time
			}
		}
	}
	if _, err := c.api(ctx, "GET", "/api/v1/nodes/"+c.settings.Name, nil, &node); err != nil {
		return err
	}
	started := c.record("kubelet").Started.Truncate(time.Second)
	for _, condition := range node.Status.Conditions {
		if condition.Type != "Ready" {
			continue
		}
		if condition.Status == "True" && !condition.LastHeartbeatTime.Before(started) {
			return nil
		}
		return fmt.Errorf("node %s is not ready: %s", c.settings.Name, condition.Message)
	}
	return fmt.Errorf("node %s has not said whether it is ready", c.settings.Name)
}
