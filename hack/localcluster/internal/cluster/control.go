package cluster

import (
	"context"
	"fmt"
	"slices"
)

// order is the order in which components start; they are stopped in reverse.
var order = []string{
	"etcd", "kube-apiserver", "containerd", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy", forwarderName,
}

// Components lists the names of all components.
func Components() []string { return slices.Clone(order) }

// Start starts one component and waits until it works.
func (c *Cluster) Start(ctx context.Context, name string) error {
	if err := c.checkRunning(); err != nil {
		return err
	}
	part, err := c.component(name)
	if err != nil {
		return err
	}
	if err := c.ensure(ctx, part); err != nil {
		return err
	}
	return c.waitReady(ctx, part)
}

// Stop ends one component, at once or with a grace. Containers keep running
// without the component that has started them.
func (c *Cluster) Stop(ctx context.Context, name string, atOnce bool) error {
	if !slices.Contains(order, name) {
		return unknownComponent(name)
	}
	grace := stopGrace
	if atOnce {
		grace = 0
	}
	if err := c.record(name).Stop(ctx, grace); err != nil {
		return fmt.Errorf("stopping %s: %w", name, err)
	}
	return nil
}

func (c *Cluster) component(name string) (component, error) {
	switch name {
	case "etcd":
		return c.etcd(), nil
	case "kube-apiserver":
		return c.apiServer(), nil
	case "containerd":
		return c.containerd()
	case "kubelet":
		return c.kubelet()
	case "kube-controller-manager":
		return c.controllerManager()
	case "kube-scheduler":
		return c.scheduler()
	case "kube-proxy":
		return c.proxy()
	case forwarderName:
		return c.forwarder(), nil
	}
	return component{}, unknownComponent(name)
}

func unknownComponent(name string) error {
	return fmt.Errorf("no component %q; there are %v", name, order)
}
