"""The ranked contrastive loss and what it needs: views, encoders, the memory bank."""

from core.contrastive.loss import RankedInfoNCE

__all__ = ["RankedInfoNCE"]
