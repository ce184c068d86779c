package organization

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldOwner is the manager's name in server-side apply.
const fieldOwner = client.FieldOwner("khocr-manager")

// ensure applies those objects that the cache does not show as they shall be. An apply that changes nothing costs the API
// server as much as one that does, so an organization at rest costs none.
func (r *Reconciler) ensure(ctx context.Context, objects []object) error {
	for _, o := range objects {
		wanted, err := asMap(o.desired)
		if err != nil {
			return err
		}
		metadata := wanted["metadata"].(map[string]any)
		kind, name := wanted["kind"], metadata["name"].(string)
		namespace, _ := metadata["namespace"].(string)
		err = r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o.current)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading %s %s: %w", kind, name, err)
		}
		if err == nil {
			current, err := asMap(o.current)
			if err != nil {
				return err
			}
			if upToDate(current, wanted) {
				continue
			}
			// What a binding binds to cannot be changed.
			if !covers(current["roleRef"], wanted["roleRef"]) {
				if err := r.delete(ctx, o.current); err != nil {
					return fmt.Errorf("deleting %s %s, which binds to something else: %w", kind, name, err)
				}
			}
		}
		if err := r.Client.Apply(ctx, o.desired, fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("applying %s %s: %w", kind, name, err)
		}
	}
	return nil
}

// delete removes an object if it is still the one that was read.
func (r *Reconciler) delete(ctx context.Context, o client.Object) error {
	uid := o.GetUID()
	return client.IgnoreNotFound(r.Client.Delete(ctx, o, client.Preconditions{UID: &uid}))
}

// upToDate tells whether an object already has every field that an apply would set.
func upToDate(current, wanted map[string]any) bool {
	for key, value := range wanted {
		if key == "apiVersion" || key == "kind" {
			continue // missing in what a cache returns
		}
		if !covers(current[key], value) {
			return false
		}
	}
	return true
}

// covers tells whether every field of wanted is in current with the same value. Lists must have the same elements; the
// fields that the API server fills in are no difference.
func covers(current, wanted any) bool {
	switch wanted := wanted.(type) {
	case map[string]any:
		current, ok := current.(map[string]any)
		if !ok && len(wanted) > 0 {
			return false
		}
		for key, value := range wanted {
			// Owners are a set that others may add to; an apply takes none of theirs away.
			if key == "ownerReferences" && containsAll(current[key], value) {
				continue
			}
			if !covers(current[key], value) {
				return false
			}
		}
		return true
	case []any:
		current, _ := current.([]any)
		if len(current) != len(wanted) {
			return false
		}
		for i := range wanted {
			if !covers(current[i], wanted[i]) {
				return false
			}
		}
		return true
	default:
		return current == wanted
	}
}

func containsAll(current, wanted any) bool {
	list, _ := current.([]any)
	for _, element := range wanted.([]any) {
		if !slices.ContainsFunc(list, func(c any) bool { return covers(c, element) }) {
			return false
		}
	}
	return true
}

// asMap gives an object in the form of its JSON.
func asMap(o any) (map[string]any, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a %T: %w", o, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("decoding a %T: %w", o, err)
	}
	return fields, nil
}
