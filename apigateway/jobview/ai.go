package jobview

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// AI is the AI model that has to do with a job.
type AI struct {
	Model string          `json:"model"`
	Role  document.AIRole `json:"role"`
	// LeavesCluster tells whether what the model is shown leaves the cluster; nil where the model is not known.
	LeavesCluster *bool `json:"leaves_cluster,omitempty"`
}

// aiOf finds the AI model that a job was admitted with; nil where there is none.
func aiOf(status *v1alpha1.OcrJobStatus) *AI {
	switch {
	case status.Corrector != "":
		return &AI{Model: status.Corrector, Role: document.RoleCorrector}
	case status.Recognizer != "":
		return &AI{Model: status.Model, Role: document.RoleReader}
	}
	return nil
}

// LookAtModel completes what the view tells of an AI model by its resource, if that is still there.
func (v *View) LookAtModel(ctx context.Context, reader client.Reader) error {
	if v.AI == nil {
		return nil
	}
	model := new(v1alpha1.OcrModel)
	switch err := reader.Get(ctx, client.ObjectKey{Name: v.AI.Model}, model); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read model %q: %w", v.AI.Model, err)
	}
	leaves := model.LeavesCluster()
	v.AI.LeavesCluster = &leaves
	return nil
}

// AIReasons lists why what an AI model said is not in a page, by the reasons of document.AI.
func AIReasons() map[string]Reason {
	inKhmer := map[string]string{
		document.AINotAllowed:      "គម្រោងសេវារបស់អង្គភាពមិនមានម៉ូដែលនេះទេ។",
		document.AINotOptedIn:      "ទំព័រនេះនឹងត្រូវផ្ញើចេញក្រៅប្រព័ន្ធ ដែលអង្គភាពមិនបានអនុញ្ញាត។",
		document.AICostLimit:       "ថវិកាសម្រាប់ម៉ូដែល AI របស់អង្គភាពសម្រាប់ខែនេះអស់ហើយ។",
		document.AIModelNotFound:   "ម៉ូដែលនេះលែងមានទៀតហើយ។",
		document.AINoImage:         "មិនអាចបង្កើតរូបភាពនៃទំព័រនេះសម្រាប់ម៉ូដែលបានទេ។",
		document.AIUnavailable:     "បច្ចុប្បន្នប្រព័ន្ធមិនអាចភ្ជាប់ទៅម៉ូដែល AI បានទេ។",
		document.AIBusy:            "ម៉ូដែលជាប់រវល់អស់ជាច្រើននាទី។",
		document.AIKeyMissing:      "ខ្វះកូដសម្ងាត់សម្រាប់ភ្ជាប់ទៅម៉ាស៊ីនរបស់ម៉ូដែល។",
		document.AIAddressRefused:  "អាសយដ្ឋានម៉ាស៊ីនរបស់ម៉ូដែលមិនត្រូវបានអនុញ្ញាតទេ។",
		document.AIUnreachable:     "មិនអាចភ្ជាប់ទៅម៉ាស៊ីនរបស់ម៉ូដែលបានទេ។",
		document.AIUnauthorized:    "ម៉ាស៊ីនរបស់ម៉ូដែលមិនទទួលយកកូដសម្ងាត់របស់ប្រព័ន្ធទេ។",
		document.AIRateLimited:     "បច្ចុប្បន្នម៉ាស៊ីនរបស់ម៉ូដែលមិនទទួលសំណើបន្ថែមទេ។",
		document.AIEndpointError:   "ម៉ាស៊ីនរបស់ម៉ូដែលមានបញ្ហា។",
		document.AITimeout:         "ម៉ូដែលប្រើពេលយូរជាងពេលដែលអនុញ្ញាតសម្រាប់មួយទំព័រ។",
		document.AIMalformed:       "មិនអាចយល់ចម្លើយពីម៉ាស៊ីនរបស់ម៉ូដែលបានទេ។",
		document.AITooLong:         "ចម្លើយរបស់ម៉ូដែលវែងពេក។",
		document.AICutOff:          "ចម្លើយរបស់ម៉ូដែលដាច់ពាក់កណ្តាលទី។",
		document.AIEmpty:           "ចម្លើយរបស់ម៉ូដែលទទេ។",
		document.AIRefused:         "ម៉ូដែលបានបដិសេធមិនអានទំព័រនេះ។",
		document.AIGuardLength:     "អត្ថបទរបស់ម៉ូដែលខ្លី ឬវែងជាងអត្ថបទលើទំព័រឆ្ងាយណាស់។",
		document.AIGuardScript:     "អត្ថបទរបស់ម៉ូដែលប្រើអក្សរផ្សេងពីអក្សរលើទំព័រ។",
		document.AIGuardRepetition: "អត្ថបទរបស់ម៉ូដែលមានពាក្យដដែលៗជាច្រើនដង។",
		document.AIGuardUnlike:     "អត្ថបទរបស់ម៉ូដែលមិនមែនជាអត្ថបទលើទំព័រនេះទេ។",
		document.AIGuardForeign:    "អត្ថបទរបស់ម៉ូដែលមានមតិរបស់វាផ្ទាល់បន្ថែមលើអត្ថបទនៃទំព័រ។",
	}
	reasons := map[string]Reason{}
	for code, message := range document.AIReasons() {
		reasons[code] = Reason{code, message, inKhmer[code]}
	}
	return reasons
}
