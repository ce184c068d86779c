package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/storage"
)

// annotationRestoredFrom is, on what was restored, the UID that it had before.
const annotationRestoredFrom = "ocr.openplp.com/restored-from"

// Restore makes again what a backup holds, in a cluster that serves the kinds and where neither manager nor gateway run,
// into an empty store. It makes nothing where there are organizations or jobs that are not from this backup, or that a manager
// has taken up since; it fails where something else of the same name or key exists. It may be run again when it was broken
// off. Jobs in namespaces that no organization had are left out.
func Restore(ctx context.Context, cluster client.Client, store *storage.Store, from io.Reader) (Sum, error) {
	decompressed, err := gzip.NewReader(from)
	if err != nil {
		return Sum{}, fmt.Errorf("read the backup: %w", err)
	}
	decompressed.Multistream(false) // its end is the backup's, whether or not more could come
	in := tar.NewReader(decompressed)
	header, err := in.Next()
	if err != nil {
		return Sum{}, fmt.Errorf("read the backup: %w", err)
	}
	if header.Name != entryResources {
		return Sum{}, fmt.Errorf("this is no backup: it begins with %q", header.Name)
	}
	all := new(resources)
	if err := json.NewDecoder(in).Decode(all); err != nil {
		return Sum{}, fmt.Errorf("decode the resources: %w", err)
	}
	if err := lookAround(ctx, cluster, all); err != nil {
		return Sum{}, err
	}
	r := &restorer{cluster: cluster, uids: uids{}}
	if err := r.make(ctx, all); err != nil {
		return r.Sum, err
	}
	if err := r.store(ctx, store, in); err != nil {
		return r.Sum, err
	}
	// The checksum of it all comes last.
	if _, err := io.Copy(io.Discard, decompressed); err != nil {
		return r.Sum, fmt.Errorf("what was restored is damaged: read the end of the backup: %w", err)
	}
	return r.Sum, nil
}

type restorer struct {
	Sum
	cluster client.Client
	uids    uids
}

// make makes the resources: organizations from the oldest on, because the oldest of several has the better claims, and so
// with jobs.
func (r *restorer) make(ctx context.Context, all *resources) error {
	for i := range all.Plans {
		plan := &all.Plans[i]
		if err := r.create(ctx, &v1alpha1.Plan{ObjectMeta: metaOf(plan), Spec: plan.Spec}); err != nil {
			return err
		}
	}
	for i := range all.Models {
		model := &all.Models[i]
		if err := r.create(ctx, &v1alpha1.OcrModel{ObjectMeta: metaOf(model), Spec: model.Spec}); err != nil {
			return err
		}
	}
	slices.SortStableFunc(all.Organizations, func(a, b v1alpha1.Organization) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	made := make([]*v1alpha1.Organization, len(all.Organizations))
	owned := map[string]bool{}
	for i := range all.Organizations {
		organization := &all.Organizations[i]
		made[i] = &v1alpha1.Organization{ObjectMeta: metaOf(organization), Spec: organization.Spec}
		if err := r.create(ctx, made[i]); err != nil {
			return err
		}
		if namespace := organization.Status.Namespace; namespace != "" {
			owned[namespace] = true
			if err := r.makeNamespace(ctx, namespace, made[i]); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(all.Jobs, func(a, b v1alpha1.OcrJob) int { return a.Accepted().Compare(b.Accepted().Time) })
	for i := range all.Jobs {
		if !owned[all.Jobs[i].Namespace] {
			r.LeftOut++
			continue
		}
		if err := r.makeJob(ctx, &all.Jobs[i]); err != nil {
			return err
		}
	}
	// The ledgers name jobs, so they come last.
	for i := range all.Organizations {
		if err := r.keepLedger(ctx, &all.Organizations[i], made[i]); err != nil {
			return err
		}
	}
	return nil
}

// metaOf is what a thing keeps of its metadata when it is made again. Its owners have other UIDs by now, and the finalizers
// of strangers nobody might take off.
func metaOf(of client.Object) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Namespace: of.GetNamespace(), Name: of.GetName(), Labels: of.GetLabels(), Annotations: map[string]string{}}
	for name, value := range of.GetAnnotations() {
		meta.Annotations[name] = value
	}
	meta.Annotations[annotationRestoredFrom] = string(of.GetUID())
	for _, finalizer := range of.GetFinalizers() {
		if finalizer == v1alpha1.FinalizerLedger || finalizer == v1alpha1.FinalizerDrain {
			meta.Finalizers = append(meta.Finalizers, finalizer)
		}
	}
	return meta
}

// create makes an object, or finds it where an earlier try has made it.
func (r *restorer) create(ctx context.Context, object client.Object) error {
	before := object.GetAnnotations()[annotationRestoredFrom]
	err := r.cluster.Create(ctx, object)
	if apierrors.IsAlreadyExists(err) {
		if err = r.cluster.Get(ctx, client.ObjectKeyFromObject(object), object); err == nil && object.GetAnnotations()[annotationRestoredFrom] != before {
			err = errors.New("another one exists already: a backup is restored into an empty cluster")
		}
	}
	if err != nil {
		return fmt.Errorf("restore %T %s: %w", object, client.ObjectKeyFromObject(object), err)
	}
	return nil
}

// makeNamespace makes the namespace of an organization, which the manager completes: it knows its own by their owner.
func (r *restorer) makeNamespace(ctx context.Context, name string, organization *v1alpha1.Organization) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:        name,
		Annotations: map[string]string{annotationRestoredFrom: organization.Annotations[annotationRestoredFrom]},
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "Organization",
			Name: organization.Name, UID: organization.UID, Controller: new(true),
		}},
	}}
	return r.create(ctx, namespace)
}

func (r *restorer) makeJob(ctx context.Context, job *v1alpha1.OcrJob) error {
	made := &v1alpha1.OcrJob{ObjectMeta: metaOf(job), Spec: job.Spec}
	if err := r.create(ctx, made); err != nil {
		return err
	}
	r.uids[job.UID] = made.UID
	r.Jobs++
	for _, one := range statusOf(job) {
		content, err := json.Marshal(one.content)
		if err != nil {
			return fmt.Errorf("encode the status of job %s: %w", job.Name, err)
		}
		// Written in the names of those who go on with it, who could not take a field back otherwise.
		err = r.cluster.Status().Patch(ctx, made, client.RawPatch(types.ApplyPatchType, r.uids.replace(content)), one.owner, client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("restore the status of job %s: %w", job.Name, err)
		}
	}
	return r.deleteAgain(ctx, job, made)
}

func (r *restorer) keepLedger(ctx context.Context, before, made *v1alpha1.Organization) error {
	content, err := json.Marshal(before.Status)
	if err != nil {
		return fmt.Errorf("encode the status of organization %s: %w", before.Name, err)
	}
	if err := json.Unmarshal(r.uids.replace(content), &made.Status); err != nil {
		return fmt.Errorf("decode the status of organization %s: %w", before.Name, err)
	}
	if err := r.cluster.Status().Update(ctx, made); err != nil {
		return fmt.Errorf("restore the ledger of organization %s: %w", before.Name, err)
	}
	r.Organizations++
	return r.deleteAgain(ctx, before, made)
}

// deleteAgain deletes what was being deleted, for the manager to let it go.
func (r *restorer) deleteAgain(ctx context.Context, before, made client.Object) error {
	if before.GetDeletionTimestamp() == nil {
		return nil
	}
	if err := r.cluster.Delete(ctx, made); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s again: %w", made.GetName(), err)
	}
	return nil
}

// store stores the rest of the backup, to its mark that it is whole.
func (r *restorer) store(ctx context.Context, store *storage.Store, in *tar.Reader) error {
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("the backup is not whole")
		}
		if err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		if header.Name == entryWhole {
			return nil
		}
		key, ok := strings.CutPrefix(header.Name, entryStored)
		if !ok {
			return fmt.Errorf("the backup has an entry %q, which this version does not know", header.Name)
		}
		if err := r.storeBlob(ctx, store, key, in); err != nil {
			return err
		}
		r.Stored++
		r.Bytes += header.Size
	}
}

// maxRecord bounds in bytes what is rewritten in memory: records and messages have some kilobytes.
const maxRecord = 16 << 20

// storeBlob stores one thing under its key of now. What an earlier try has stored stands, if it is the same.
func (r *restorer) storeBlob(ctx context.Context, store *storage.Store, key string, content io.Reader) error {
	if tellsOfJobs(key) {
		text, err := io.ReadAll(io.LimitReader(content, maxRecord+1))
		if err != nil {
			return fmt.Errorf("read %s from the backup: %w", key, err)
		}
		if len(text) > maxRecord {
			return fmt.Errorf("%s in the backup has more than %d bytes, which no record has", key, maxRecord)
		}
		content = bytes.NewReader(r.uids.replace(text))
	}
	key = string(r.uids.replace([]byte(key)))
	stored, err := store.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		_, err = store.Put(ctx, key, content)
		return err
	}
	if err != nil {
		return err
	}
	defer stored.Close()
	alike, err := same(stored, content)
	if err != nil {
		return fmt.Errorf("compare what is stored as %s with the backup: %w", key, err)
	}
	if !alike {
		return fmt.Errorf("restore %s: something else is stored there: a backup is restored into an empty store", key)
	}
	return nil
}

// same tells whether two readers give the same bytes.
func same(one, other io.Reader) (bool, error) {
	const piece = 64 << 10
	a, b := make([]byte, piece), make([]byte, piece)
	for {
		n, errA := io.ReadFull(one, a)
		m, errB := io.ReadFull(other, b)
		if !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
		for _, err := range []error{errA, errB} {
			switch {
			case err == nil:
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
				return true, nil
			default:
				return false, err
			}
		}
	}
}

// tellsOfJobs tells whether a UID may stand in what is stored under a key: in records and in messages, and never in
// documents and pages.
func tellsOfJobs(key string) bool {
	parts := strings.Split(key, "/")
	return len(parts) == 3 && (parts[1] == "records" || parts[1] == "webhooks")
}
