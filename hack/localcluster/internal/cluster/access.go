package cluster

import (
	"context"
	"fmt"
)

const bindingsPath = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"

// ensureNodeAccess lets the kubelet read whatever any kubelet may read. The
// API server's Node authorizer allows it only what its own pods refer to, but
// learns of a new pod at times later than the kubelet itself; the kubelet is
// then refused, and tries again no sooner than 10 s later (seen: 14 s for a pod
// with a volume claim). With a single node there is nothing to protect.
func (c *Cluster) ensureNodeAccess(ctx context.Context) error {
	binding := object{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind":       "ClusterRoleBinding",
		"metadata":   object{"name": "localcluster:nodes"},
		"roleRef":    object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node"},
		"subjects":   []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": nodesGroup}},
	}
	if err := c.create(ctx, bindingsPath, binding); err != nil {
		return fmt.Errorf("giving the kubelet access: %w", err)
	}
	return nil
}
