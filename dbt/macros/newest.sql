{#- Number the rows of each key, newest first: 1 is the current row.
    Bronze may hold several states of one key (append mode, or a sync that was run again). -#}
{% macro newest_first(key, cursor) -%}
row_number() over (
    partition by {{ key }}
    order by {{ cursor }} desc, "_airbyte_extracted_at" desc, "_airbyte_raw_id" desc
)
{%- endmacro %}
