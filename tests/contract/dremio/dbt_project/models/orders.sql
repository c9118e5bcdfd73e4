{{ config(
    materialized='incremental', incremental_strategy='merge', unique_key='order_id',
    partition_by=['ordered_on'], on_schema_change='append_new_columns'
) }}
select order_id, customer_id, ordered_on, amount
    {% if var('later', false) %}, amount * 2 as twice {% endif %}
from {{ ref('shop_orders') }}
{% if is_incremental() %}
where order_id >= (select max(order_id) from {{ this }})
{% endif %}
