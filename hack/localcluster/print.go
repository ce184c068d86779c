package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/openplp/khocr/hack/localcluster/internal/cluster"
)

func printStatus(w io.Writer, s cluster.Status) {
	state := "not running"
	if s.Running {
		state = "running"
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintf(table, "cluster\t%s, %s\n", s.Name, state)
	fmt.Fprintf(table, "kubeconfig\t%s\n", s.Kubeconfig)
	fmt.Fprintf(table, "API server\t%s\n", s.APIServer)
	fmt.Fprintf(table, "node\t%s\n", s.NodeIP)
	fmt.Fprintf(table, "services\t%s\n", s.ServiceCIDR)
	fmt.Fprintf(table, "pods\t%s\n", s.PodCIDR)
	for _, f := range s.Forwards {
		fmt.Fprintf(table, "forward\t%s to node port %d\n", f.Address, f.Port)
	}
	for _, part := range s.Components {
		if part.Running {
			fmt.Fprintf(table, "%s\tprocess %d\n", part.Name, part.PID)
		} else {
			fmt.Fprintf(table, "%s\tnot running\n", part.Name)
		}
	}
}
