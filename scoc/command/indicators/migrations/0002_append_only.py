"""Values and definitions can be added, never changed; a definition may end once."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("indicators", "0001_values")]
    operations = [
        AppendOnly('indicators_value'),
        AppendOnly('indicators_health'),
        AppendOnly(
            'indicators_indicator', once=('valid_to',),
            columns=(
                'id', 'code', 'version', 'valid_from', 'source', 'approved_by', 'recorded_at',
                'name', 'theme', 'definition', 'formula', 'numerator', 'denominator', 'unit',
                'factor', 'places', 'direction', 'aggregation', 'grain', 'period', 'span',
                'by_district', 'measure', 'parameters', 'collection', 'freshness',
                'latency_seconds', 'delay_seconds', 'settle_seconds', 'low', 'high', 'hysteresis',
                'basis', 'basis_text', 'provider', 'weight', 'bottom_line', 'grade', 'position',
                'owner_id',
            ),
        ),
        AppendOnly(
            'indicators_scheme', once=('valid_to',),
            columns=(
                'id', 'code', 'version', 'valid_from', 'source', 'approved_by', 'recorded_at',
                'content', 'digest',
            ),
        ),
    ]
