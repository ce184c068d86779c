package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

const (
	storageClass  = "local"
	volumeCount   = 8
	volumeSize    = "20Gi" // a claim's limit to match; nothing enforces it
	classesPath   = "/apis/storage.k8s.io/v1/storageclasses"
	volumesPath   = "/api/v1/persistentvolumes"
	phaseReleased = "Released"
)

type object = map[string]any

// ensureStorage offers folders of the state folder as volumes, by a default
// storage class. A volume whose claim was deleted is emptied and offered anew:
// nothing else would ever do so.
func (c *Cluster) ensureStorage(ctx context.Context) error {
	if err := c.create(ctx, classesPath, localClass()); err != nil {
		return fmt.Errorf("making storage class %s: %w", storageClass, err)
	}
	phases, err := c.volumePhases(ctx)
	if err != nil {
		return err
	}
	for i := range volumeCount {
		name := fmt.Sprintf("local-%d", i)
		phase, exists := phases[name]
		if exists && phase != phaseReleased {
			continue
		}
		if exists {
			c.progress("emptying volume " + name + ", whose claim is gone")
			if err := c.dropVolume(ctx, name); err != nil {
				return fmt.Errorf("emptying volume %s: %w", name, err)
			}
		}
		if err := os.MkdirAll(c.state.volume(name), 0o755); err != nil {
			return fmt.Errorf("making the folder of volume %s: %w", name, err)
		}
		if err := c.create(ctx, volumesPath, localVolume(name, c.state.volume(name), c.settings.Name)); err != nil {
			return fmt.Errorf("making volume %s: %w", name, err)
		}
	}
	return nil
}

// create makes an object unless it is there.
func (c *Cluster) create(ctx context.Context, path string, body object) error {
	status, err := c.api(ctx, http.MethodPost, path, body, nil)
	if status == http.StatusConflict {
		return nil
	}
	return err
}

func (c *Cluster) volumePhases(ctx context.Context) (map[string]string, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ Phase string }
		}
	}
	if _, err := c.api(ctx, http.MethodGet, volumesPath, nil, &list); err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	phases := make(map[string]string)
	for _, item := range list.Items {
		phases[item.Metadata.Name] = item.Status.Phase
	}
	return phases, nil
}

// dropVolume deletes a volume's content, then the volume, and returns when its
// name is free.
func (c *Cluster) dropVolume(ctx context.Context, name string) error {
	entries, err := os.ReadDir(c.state.volume(name))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(c.state.volume(name), entry.Name())); err != nil {
			return err
		}
	}
	if _, err := c.api(ctx, http.MethodDelete, volumesPath+"/"+name, nil, nil); err != nil {
		return err
	}
	return poll(ctx, startPatience, func(ctx context.Context) error {
		status, err := c.api(ctx, http.MethodGet, volumesPath+"/"+name, nil, nil)
		if status == http.StatusNotFound {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("volume %s is still there", name)
		}
		return err
	})
}

func localClass() object {
	return object{
		"apiVersion": "storage.k8s.io/v1",
		"kind":       "StorageClass",
		"metadata": object{
			"name":        storageClass,
			"annotations": object{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		"provisioner":       "kubernetes.io/no-provisioner",
		"volumeBindingMode": "WaitForFirstConsumer",
	}
}

func localVolume(name, folder, node string) object {
	return object{
		"apiVersion": "v1",
		"kind":       "PersistentVolume",
		"metadata":   object{"name": name},
		"spec": object{
			"capacity": object{"storage": volumeSize},
			// One node, so any number of pods may share a folder.
			"accessModes":                   []string{"ReadWriteOnce", "ReadWriteMany"},
			"persistentVolumeReclaimPolicy": "Retain",
			"storageClassName":              storageClass,
			"local":                         object{"path": folder},
			"nodeAffinity": object{"required": object{"nodeSelectorTerms": []object{{
				"matchExpressions": []object{{
					"key": "kubernetes.io/hostname", "operator": "In", "values": []string{node},
				}},
			}}}},
		},
	}
}
