// Package backup writes everything that khocr keeps into one file, and makes it again in an empty cluster: the custom
// resources, and what is in the blob store. It never reads a Secret.
//
// A backup is a tar archive, compressed with gzip: the resources first, as they were at one moment, then what is stored,
// then a mark that it is whole. Whatever a resource refers to was stored before it, so it is in what is copied after it.
//
// A job that is made again has a new UID, by which its pages are stored and its ledger entry is found. Wherever the old one
// stands, in keys, records and the ledger, Restore puts the new one.
package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/archive"
	"github.com/openplp/khocr/internal/storage"
)

// Entries of the archive.
const (
	entryResources = "resources.json"
	entryStored    = "stored/" // and the key
	entryWhole     = "whole"
)

// resources are the custom resources of a moment.
type resources struct {
	Plans         []v1alpha1.Plan         `json:"plans"`
	Models        []v1alpha1.OcrModel     `json:"models"`
	Organizations []v1alpha1.Organization `json:"organizations"`
	Jobs          []v1alpha1.OcrJob       `json:"jobs"`
}

// Sum is what a backup holds.
type Sum struct {
	Organizations, Jobs, Stored int
	// LeftOut are jobs that could not be restored because no organization had their namespace.
	LeftOut int
	// Bytes that are stored.
	Bytes int64
}

// Take writes a backup of what the API server and the store hold, while everything goes on. The reader must read from the
// API server itself.
func Take(ctx context.Context, live client.Reader, store *storage.Store, to io.Writer) (Sum, error) {
	all, err := snapshot(ctx, live)
	if err != nil {
		return Sum{}, err
	}
	if all.Jobs, err = withoutArchived(ctx, store, all.Jobs); err != nil {
		return Sum{}, err
	}
	encoded, err := json.Marshal(all)
	if err != nil {
		return Sum{}, fmt.Errorf("encode the resources: %w", err)
	}
	compressed, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return Sum{}, err
	}
	out := tar.NewWriter(compressed)
	if err := add(out, entryResources, int64(len(encoded)), strings.NewReader(string(encoded))); err != nil {
		return Sum{}, err
	}
	sum := Sum{Organizations: len(all.Organizations), Jobs: len(all.Jobs)}
	if err := addStored(ctx, store, out, &sum); err != nil {
		return sum, err
	}
	if err := add(out, entryWhole, 0, strings.NewReader("")); err != nil {
		return sum, err
	}
	if err := errors.Join(out.Close(), compressed.Close()); err != nil {
		return sum, fmt.Errorf("finish the backup: %w", err)
	}
	return sum, nil
}

// snapshot lists the resources as they were at one moment: jobs and ledgers of two moments would charge pages twice, or not
// at all.
func snapshot(ctx context.Context, live client.Reader) (*resources, error) {
	var organizations v1alpha1.OrganizationList
	if err := live.List(ctx, &organizations); err != nil {
		return nil, fmt.Errorf("list the organizations: %w", err)
	}
	then := &client.ListOptions{Raw: &metav1.ListOptions{
		ResourceVersion: organizations.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	}}
	var (
		plans  v1alpha1.PlanList
		models v1alpha1.OcrModelList
		jobs   v1alpha1.OcrJobList
	)
	for _, list := range []client.ObjectList{&jobs, &plans, &models} {
		if err := live.List(ctx, list, then); err != nil {
			return nil, fmt.Errorf("list the resources as they were a moment ago: %w", err)
		}
	}
	return &resources{Plans: plans.Items, Models: models.Items, Organizations: organizations.Items, Jobs: jobs.Items}, nil
}

// withoutArchived leaves out the jobs that are about to be deleted anyway, and whose record tells all that is to be told.
func withoutArchived(ctx context.Context, store *storage.Store, jobs []v1alpha1.OcrJob) ([]v1alpha1.OcrJob, error) {
	kept := make([]v1alpha1.OcrJob, 0, len(jobs))
	for i := range jobs {
		job := &jobs[i]
		job.ManagedFields = nil
		if job.Status.Phase.Ended() && job.Spec.TTLSecondsAfterFinished != nil && !slices.Contains(job.Finalizers, v1alpha1.FinalizerLedger) {
			record, err := archive.Read(ctx, store, job.Namespace, job.Name)
			if err == nil && record.Job.UID == job.UID {
				continue
			}
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return nil, err
			}
		}
		kept = append(kept, *job)
	}
	return kept, nil
}

// addStored copies what is stored for all namespaces. What goes in the meantime is left out.
func addStored(ctx context.Context, store *storage.Store, out *tar.Writer, sum *Sum) error {
	for namespace, err := range store.Folders(ctx, "") {
		if err != nil {
			return err
		}
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			continue // such as a volume's lost+found
		}
		for listed, err := range store.List(ctx, namespace+"/") {
			if err != nil {
				return err
			}
			if storage.IsTemporary(listed.Key) {
				continue
			}
			if err := addBlob(ctx, store, listed.Key, out, sum); err != nil {
				return err
			}
		}
	}
	return nil
}

func addBlob(ctx context.Context, store *storage.Store, key string, out *tar.Writer, sum *Sum) error {
	content, err := store.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close()
	sum.Stored++
	sum.Bytes += content.Size
	return add(out, entryStored+key, content.Size, content)
}

func add(out *tar.Writer, name string, size int64, content io.Reader) error {
	header := &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: time.Now(), Format: tar.FormatPAX}
	if err := out.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s to the backup: %w", name, err)
	}
	if _, err := io.Copy(out, content); err != nil {
		return fmt.Errorf("write %s to the backup: %w", name, err)
	}
	return nil
}
