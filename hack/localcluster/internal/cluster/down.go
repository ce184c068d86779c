package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
)

const endPatience = 30 * time.Second

// Down ends the cluster and removes what it has made, the state folder too
// unless keepData is set. It makes do with whatever is there.
func (c *Cluster) Down(ctx context.Context, keepData bool) error {
	if err := c.namespaces.CheckOwner(string(c.state)); err != nil {
		return err
	}
	if keepData {
		for _, name := range slices.Backward(order) {
			if err := c.record(name).Stop(ctx, stopGrace); err != nil {
				return fmt.Errorf("stopping %s: %w", name, err)
			}
		}
	}
	if err := c.endProcesses(ctx); err != nil {
		return err
	}
	if err := c.namespaces.Remove(); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	if err := c.cgroup.Remove(patience); err != nil {
		return err
	}
	if keepData {
		return nil
	}
	if err := c.removeKubeconfig(); err != nil {
		return err
	}
	return c.removeState()
}

// endProcesses ends everything that belongs to the cluster, containers and
// their shims too. The records matter only for what never reached the control
// group.
func (c *Cluster) endProcesses(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	if err := c.cgroup.Kill(patience); err != nil {
		return err
	}
	for _, name := range order {
		if err := c.record(name).Stop(patience, 0); err != nil {
			return fmt.Errorf("ending %s: %w", name, err)
		}
	}
	return nil
}

// removeKubeconfig removes the file only as long as it is this cluster's.
func (c *Cluster) removeKubeconfig() error {
	ours, err := c.kubeconfig(c.settings.API.Address, adminClient)
	if err != nil {
		return nil // it was never written
	}
	if content, err := os.ReadFile(c.settings.Kubeconfig); err != nil || !bytes.Equal(content, ours) {
		return nil
	}
	if err := os.Remove(c.settings.Kubeconfig); err != nil {
		return fmt.Errorf("removing the kubeconfig: %w", err)
	}
	return nil
}

func (c *Cluster) removeState() error {
	mounts, err := isolation.MountsBelow(string(c.state))
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fmt.Errorf("not removing %s: %s in it is a mount of the host's", c.state, mounts[0])
	}
	if err := os.RemoveAll(string(c.state)); err != nil {
		return fmt.Errorf("removing the state folder: %w", err)
	}
	return nil
}

// OpenForDown finds a cluster even where its state folder was deleted while it
// ran; nil if there is none.
func OpenForDown(folder string, progress func(string)) (*Cluster, error) {
	settings, err := state(folder).readSettings()
	if errors.Is(err, errNoCluster) {
		name := isolation.NameOfOwner(folder)
		if name == "" {
			return nil, nil
		}
		settings, err = Settings{Name: name}, nil
	}
	if err != nil {
		return nil, err
	}
	settings.AuditPolicy = "" // which may be gone by now, and is not needed
	return newCluster(folder, settings, progress)
}
